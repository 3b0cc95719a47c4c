import type { Document, LineCounter } from 'yaml'
import { z } from 'zod'
import { SENSOR_KINDS } from '../../sensors/registry.ts'
import type { SensorKind } from '../../sensors/sensor.ts'
import { nearest } from './nearest.ts'
import { withPaths } from './paths.ts'
import { type ConfigProblem, lineOf, problemsOf } from './problems.ts'
import { type SensorCommon, sensorCommon } from './schema.ts'

/** A sensor of the config with its kind found and its own part checked. */
export interface SensorPlan {
  readonly common: SensorCommon
  readonly kind: SensorKind
  readonly config: unknown
}

/** Keys of a sensor's own config that name files, to be resolved beside the config file. */
const PATH_KEYS = ['file', 'dbc'] as const

/**
 * Checks each sensor's own keys against its kind. What is wrong goes to `problems`; entries that are
 * no sensors at all are left to the schema of the whole config.
 * @param base folder that relative paths start from
 */
export function planSensors(
  raw: unknown,
  base: string,
  document: Document,
  lines: LineCounter,
  problems: ConfigProblem[],
): SensorPlan[] {
  const seen = new Set<string>()
  const list = Array.isArray(raw) ? raw : []
  return list.flatMap((entry: unknown, i): SensorPlan[] => {
    const common = sensorCommon.safeParse(entry)
    if (!common.success) return []
    const complain = (key: string, message: string): void => {
      const line = lineOf(document, lines, ['sensors', i, key])
      problems.push({ line, path: `sensors[${i}].${key}`, message })
    }
    const { id, kind: kindName } = common.data
    if (seen.has(id)) complain('id', `a second sensor is called "${id}"`)
    seen.add(id)
    const kind = SENSOR_KINDS.find((known) => known.kind === kindName)
    if (!kind) {
      const known = SENSOR_KINDS.map((k) => k.kind)
      const guess = nearest(kindName, known)
      const meant = guess ? `; did you mean "${guess}"?` : '.'
      complain('kind', `no sensor of kind "${kindName}"${meant} Known: ${known.join(', ')}`)
      return []
    }
    const own = kind.config.safeParse(ownKeys(entry as Record<string, unknown>, base, kind.paths))
    if (own.success) return [{ common: common.data, kind, config: own.data }]
    // A mistyped common key of a sensor finds its nearest word too.
    const known = z.union([kind.config, sensorCommon])
    problems.push(...problemsOf(own.error, known, document, lines, ['sensors', i]))
    return []
  })
}

/** A sensor's keys without those that every sensor has, paths made absolute. */
function ownKeys(
  entry: Record<string, unknown>,
  base: string,
  morePaths: readonly string[] = [],
): Record<string, unknown> {
  const own = withPaths(entry, [...PATH_KEYS, ...morePaths], base)
  for (const key of Object.keys(sensorCommon.shape)) delete own[key]
  return own
}
