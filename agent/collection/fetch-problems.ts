import { nearest } from '../config/nearest.ts'
import type { CampaignConfig } from '../config/schema.ts'
import type { SensorPlan } from '../config/sensors.ts'

/** What is wrong with one line of `fetch`, and where below it. */
export interface FetchProblem {
  readonly at: readonly [index: number, key: 'sensor' | 'what']
  readonly text: string
}

/** Sensors that are not there, and what those that are can never be asked. */
export function fetchProblems(
  { fetch }: CampaignConfig,
  sensors: readonly SensorPlan[],
): FetchProblem[] {
  const ids = sensors.map(({ common }) => common.id)
  return (fetch ?? []).flatMap(({ sensor, what }, i): FetchProblem[] => {
    const plan = sensors.find(({ common }) => common.id === sensor)
    if (!plan) {
      const text = `no sensor is called "${sensor}"${meant(sensor, ids)}`
      return [{ at: [i, 'sensor'], text }]
    }
    const { kind, config } = plan
    if (!kind.cannotAsk) {
      const text = `a sensor of kind ${kind.kind} cannot be asked for anything`
      return [{ at: [i, 'sensor'], text }]
    }
    const why = kind.cannotAsk(config, what)
    if (!why) return []
    const text = `"${what}" cannot be asked of ${sensor}: ${why.reason}${meant(what, why.known)}`
    return [{ at: [i, 'what'], text }]
  })
}

function meant(word: string, known: readonly string[]): string {
  const guess = nearest(word, known)
  return guess ? `; did you mean "${guess}"?` : ''
}
