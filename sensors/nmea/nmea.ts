import { z } from 'zod'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { baudRate, readLines, serialKeys } from '../serial/read-lines.ts'
import { FixReader } from './fix.ts'
import { parseSentence } from './sentence.ts'

const config = z.strictObject({
  ...serialKeys,
  /** NMEA 0183 itself says 4800; most modules of today come with 9600, fast ones with 115200. */
  baudRate: baudRate.default(9600),
  /** Readings are called `<prefix>.Latitude` and so on. */
  prefix: z.string().min(1).default('Vehicle.CurrentLocation'),
})

export type NmeaConfig = z.infer<typeof config>

/** The standard's bound is 82; receivers with many decimals or their own sentences go beyond it. */
const MAX_SENTENCE_BYTES = 256

/** A GNSS receiver that speaks NMEA 0183. */
export const nmea: SensorKind<NmeaConfig> = {
  kind: 'nmea',
  config,
  rhythmic: true,
  create: (config) => new NmeaSensor(config),
}

class NmeaSensor implements Sensor {
  readonly #config: NmeaConfig

  constructor(config: NmeaConfig) {
    this.#config = config
  }

  run(context: SensorContext, signal: AbortSignal): Promise<void> {
    return readLines(
      { ...this.#config, maxLineBytes: MAX_SENTENCE_BYTES, expected: 'NMEA sentences' },
      context,
      signal,
      sentenceReader(this.#config, context),
    )
  }
}

/** What turns the bytes of one line into readings; it answers whether the line was good. */
export function sentenceReader(
  config: NmeaConfig,
  context: SensorContext,
): (line: Buffer, timeUs: number, monoUs: number) => boolean {
  const fix = new FixReader(config.prefix, context)
  return (bytes, timeUs, monoUs) => {
    const sentence = parseSentence(bytes.toString('latin1'))
    if (sentence === undefined) return false
    return sentence === 'other' || fix.take(sentence, timeUs, monoUs)
  }
}
