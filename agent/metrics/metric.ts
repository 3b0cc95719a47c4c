import type { AgentStatus } from '../status.ts'

/** A value with its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/**
 * One metric. Its name is stable: dashboards and alerts of users rest on it. A change of meaning is a
 * new name, and the old one stays for a year.
 */
export interface Metric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly labels: readonly string[]
  samples(status: AgentStatus): readonly Sample[]
}

export const gauge = (
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric['samples'],
): Metric => ({ name: `milepost_${name}`, type: 'gauge', help, labels, samples })

export const counter = (
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric['samples'],
): Metric => ({ name: `milepost_${name}_total`, type: 'counter', help, labels, samples })

/** The one sample of a metric without labels. */
export const one = (value: number): Sample[] => [{ value }]
export const flag = (yes: boolean): number => (yes ? 1 : 0)

/** Seconds since a wall time; none where it was never. */
export function age({ nowUs }: AgentStatus, us: number, labels?: Sample['labels']): Sample[] {
  return us > 0 ? [{ labels, value: Math.max(0, (nowUs - us) / 1e6) }] : []
}
