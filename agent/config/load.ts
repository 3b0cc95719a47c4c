import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { SENSOR_KINDS } from '../../sensors/registry.ts'
import type { SensorKind } from '../../sensors/sensor.ts'
import { AgentError } from '../error.ts'
import { nearest } from './nearest.ts'
import { type ConfigProblem, lineOf, problemsOf } from './problems.ts'
import { type Config, configSchema, type SensorCommon, sensorCommon } from './schema.ts'

/** A sensor of the config with its kind found and its own part checked. */
export interface SensorPlan {
  readonly common: SensorCommon
  readonly kind: SensorKind
  readonly config: unknown
}

/** A config that passed every check; all paths in it are absolute. */
export interface LoadedConfig extends Omit<Config, 'sensors' | 'dataDir'> {
  readonly file: string
  readonly dataDir: string
  readonly sensors: readonly SensorPlan[]
}

/** Reads and checks a config file. Throws `CONFIG_MISSING` or `CONFIG_INVALID`, naming every mistake. */
export function loadConfig(file: string): LoadedConfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AgentError('CONFIG_MISSING', `Cannot read ${file}: ${(cause as Error).message}`, {
      cause,
      hint: 'Name a config with -c, or run "milepost run" without one for a simulated vehicle.',
    })
  }
  return parseConfig(text, resolve(file))
}

/** Checks a config's text; `file` is used for messages and to resolve relative paths. */
export function parseConfig(text: string, file: string): LoadedConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length) {
    refuse(
      file,
      document.errors.map((e) => ({
        line: lines.linePos(e.pos[0]).line,
        path: '',
        message: e.message,
      })),
    )
  }
  const checked = configSchema.safeParse(document.toJS())
  if (!checked.success) refuse(file, problemsOf(checked.error, configSchema, document, lines))
  const config = checked.data
  const base = dirname(file)
  const problems: ConfigProblem[] = []
  const seen = new Set<string>()

  const sensors = config.sensors.flatMap((raw, i): SensorPlan[] => {
    const at = (key: string) => ['sensors', i, key]
    if (seen.has(raw.id)) {
      problems.push({
        line: lineOf(document, lines, at('id')),
        path: `sensors[${i}].id`,
        message: `a second sensor is called "${raw.id}"`,
      })
    }
    seen.add(raw.id)
    const kind = SENSOR_KINDS.find((k) => k.kind === raw.kind)
    if (!kind) {
      const known = SENSOR_KINDS.map((k) => k.kind)
      const guess = nearest(raw.kind, known)
      problems.push({
        line: lineOf(document, lines, at('kind')),
        path: `sensors[${i}].kind`,
        message: `no sensor of kind "${raw.kind}"${guess ? `; did you mean "${guess}"?` : ''} Known: ${known.join(', ')}`,
      })
      return []
    }
    const own: Record<string, unknown> = { ...(raw as Record<string, unknown>) }
    for (const key of Object.keys(sensorCommon.shape)) delete own[key]
    for (const key of PATH_KEYS) {
      if (typeof own[key] === 'string') own[key] = resolve(base, own[key])
    }
    const part = kind.config.safeParse(own)
    if (!part.success) {
      problems.push(
        ...problemsOf(part.error, withCommonKeys(kind.config), document, lines, ['sensors', i]),
      )
      return []
    }
    return [{ common: sensorCommon.parse(raw), kind, config: part.data }]
  })
  if (problems.length) refuse(file, problems)

  return {
    ...config,
    file,
    sensors,
    dataDir: resolve(base, config.dataDir ?? `.milepost/${config.vehicle}`),
    buses: Object.fromEntries(
      Object.entries(config.buses).map(([name, bus]) => [
        name,
        { ...bus, dbc: bus.dbc.map((path) => resolve(base, path)) },
      ]),
    ),
    models: config.models.map((model) => ({ ...model, bundle: resolve(base, model.bundle) })),
  }
}

/** Keys of a sensor's own config that name files, to be resolved beside the config file. */
const PATH_KEYS = ['file', 'dbc'] as const

/** So that a mistyped common key of a sensor finds its nearest word too. */
function withCommonKeys(schema: z.ZodType): z.core.$ZodType {
  return z.union([schema, sensorCommon])
}

function refuse(file: string, problems: readonly ConfigProblem[]): never {
  const text = problems
    .map((p) => `${file}${p.line ? `:${p.line}` : ''}: ${p.path ? `${p.path}: ` : ''}${p.message}`)
    .join('\n')
  throw new AgentError('CONFIG_INVALID', text, {
    hint: 'Mend these lines and start again; nothing was started.',
  })
}
