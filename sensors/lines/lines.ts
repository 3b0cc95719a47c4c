import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { baudRate, readLines, serialKeys } from '../serial/read-lines.ts'
import { AddedNames, FieldReader, fieldsSchema } from './fields.ts'
import { formatKeys, makeFormat } from './formats.ts'

const common = {
  ...serialKeys,
  baudRate: baudRate.default(115_200),
  ...fieldsSchema,
  /** Longer lines are left out whole and counted. */
  maxLineBytes: z.number().int().min(16).max(65_536).default(1024),
  /** Lines that begin so are no data: `#`. */
  comment: z.string().min(1).optional(),
}

const config = z.discriminatedUnion('format', [
  z.strictObject({ ...common, ...formatKeys.json }),
  z.strictObject({ ...common, ...formatKeys.csv }),
  z.strictObject({ ...common, ...formatKeys.keyValue }),
  z.strictObject({ ...common, ...formatKeys.regex }),
])

export type LinesConfig = z.infer<typeof config>

/** Microcontrollers and instruments that print values line by line. */
export const lines: SensorKind<LinesConfig> = {
  kind: 'lines',
  config,
  rhythmic: true,
  create: (config) => new LinesSensor(config),
}

class LinesSensor implements Sensor {
  readonly #config: LinesConfig
  readonly #added = new AddedNames()

  constructor(config: LinesConfig) {
    this.#config = config
  }

  run(context: SensorContext, signal: AbortSignal): Promise<void> {
    const config = this.#config
    return readLines(
      { ...config, expected: `lines of ${config.format}` },
      context,
      signal,
      lineReader(config, context, this.#added),
    )
  }
}

/** What turns the bytes of one line into readings; it answers whether the line was good. */
export function lineReader(
  config: LinesConfig,
  context: SensorContext,
  added: AddedNames,
): (line: Buffer, timeUs: number) => boolean {
  const { comment } = config
  const format = makeFormat(config)
  const fields = new FieldReader(config, context, added)
  return (bytes, timeUs) => {
    if (!isUtf8(bytes)) return false
    const line = bytes.toString('utf8').trim()
    if (line === '' || (comment !== undefined && line.startsWith(comment))) return true
    const good = format(line, (key, raw) => fields.take(key, raw, timeUs))
    fields.flush()
    return good
  }
}
