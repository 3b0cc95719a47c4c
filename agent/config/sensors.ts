import type { Document, LineCounter } from 'yaml'
import { z } from 'zod'
import { SENSOR_KINDS } from '../../sensors/registry.ts'
import type { SensorKind } from '../../sensors/sensor.ts'
import { issuesOf, meantWord } from './issues.ts'
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
  const seen = new Set<unknown>()
  const list = Array.isArray(raw) ? raw : []
  return list.flatMap((entry: unknown, i): SensorPlan[] => {
    if (typeof entry !== 'object' || entry === null) return []
    const map = entry as Record<string, unknown>
    const complain = (key: string, message: string): void => {
      const line = lineOf(document, lines, ['sensors', i, key])
      problems.push({ line, path: `sensors[${i}].${key}`, message })
    }
    if (map.id !== undefined && seen.has(map.id)) {
      complain('id', `a second sensor is called "${map.id}"`)
    }
    seen.add(map.id)
    const kind = kindOf(map, complain)
    if (!kind) return []
    const common = sensorCommon.safeParse(entry)
    const own = ownKeys(map, base, kind.paths)
    const checked = kind.config.safeParse(own)
    if (checked.success) {
      return common.success ? [{ common: common.data, kind, config: checked.data }] : []
    }
    // A mistyped common key of a sensor finds its nearest word too.
    const known = z.union([kind.config, sensorCommon])
    const issues = issuesOf(kind.config, own)
    problems.push(...problemsOf(issues, known, document, lines, ['sensors', i]))
    return []
  })
}

/** The kind of a sensor; where its word is mistyped, which is told, or its key, the one that is most likely meant. */
function kindOf(
  sensor: Readonly<Record<string, unknown>>,
  complain: (key: string, message: string) => void,
): SensorKind | undefined {
  const words = SENSOR_KINDS.map(({ kind }) => kind)
  const exact = SENSOR_KINDS.find(({ kind }) => kind === sensor.kind)
  if (exact) return exact
  const meant = meantWord(sensor, 'kind', words)
  if (typeof sensor.kind === 'string') {
    const guess = meant ? `; did you mean "${meant}"?` : '.'
    complain('kind', `no sensor of kind "${sensor.kind}"${guess} Known: ${words.join(', ')}`)
  }
  return SENSOR_KINDS.find(({ kind }) => kind === meant)
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
