import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'
import { ChangeCampaign } from './change.ts'
import { SampleCampaign } from './sample.ts'

/** A record's content as collection makes it; the agent adds clocks and lane. */
export interface Collected {
  readonly type: string
  readonly timeUs: number
  readonly content: Record<string, unknown>
}

/** One campaign at work. Time is the readings' own: a replay gives the same records every time. */
export interface Campaign {
  readonly config: CampaignConfig
  /** How many signals it watches so far. */
  readonly watched: number
  observe(batch: ReadingBatch, emit: (record: Collected) => void): void
}

export function makeCampaign(config: CampaignConfig, catalog: SignalCatalog): Campaign {
  return config.onChange ? new ChangeCampaign(config, catalog) : new SampleCampaign(config, catalog)
}
