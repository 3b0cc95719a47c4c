import type { ReadingBatch } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'

/** A record's content as collection makes it; the agent adds clocks and lane. */
export interface Collected {
  readonly type: string
  readonly timeUs: number
  readonly content: Record<string, unknown>
}

export type Emit = (record: Collected) => void

/** Asks the sensor of this id for something out of turn: an OBD PID. */
export type Fetch = (sensor: string, what: string) => void

/** One campaign at work. Time is the readings' own: a replay gives the same records every time. */
export interface Campaign {
  readonly config: CampaignConfig
  /** How many signals it watches so far. */
  readonly watched: number
  observe(batch: ReadingBatch, emit: Emit): void
  /** A model saw an anomaly begin. */
  anomaly?(model: string, timeUs: number, score: number, emit: Emit): void
  /** Called about every second: lets go of what waits for readings that do not come. */
  tick?(monoUs: number, emit: Emit): void
  /** The agent stops: hands over what is begun. */
  close?(emit: Emit): void
}
