import type { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'
import { ChangeCampaign } from './change.ts'
import { compileCondition, type KnownNames } from './condition.ts'
import { SampleCampaign } from './sample.ts'
import { Trigger } from './trigger.ts'
import { TriggeredCampaign } from './triggered.ts'
import { WindowCampaign } from './window.ts'

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

/** What a campaign needs besides its config. */
export interface CampaignParts {
  readonly catalog: SignalCatalog
  /** Names that conditions may use. */
  readonly known: KnownNames
  readonly fetch: Fetch
}

/**
 * Makes a campaign. Throws what `fault` makes of a condition that is refused; `key` is `when` or
 * `until`.
 */
export function makeCampaign(
  config: CampaignConfig,
  parts: CampaignParts,
  fault: (key: 'when' | 'until', error: unknown) => unknown = (_key, error) => error,
): Campaign {
  const { catalog } = parts
  if (config.sampleEveryMs !== undefined) return new SampleCampaign(config, catalog)
  if (config.onChange) return new ChangeCampaign(config, catalog)
  if (config.window) return new WindowCampaign(config, catalog)
  const condition = (key: 'when' | 'until') => {
    const text = config[key]
    if (text === undefined) return undefined
    try {
      return compileCondition(text, parts.known)
    } catch (error) {
      throw fault(key, error)
    }
  }
  const [when, until] = [condition('when'), condition('until')]
  const timing = {
    forUs: (config.forMs ?? 0) * 1000,
    rearmUs: (config.rearmMs ?? 0) * 1000,
    staleAfterUs: config.staleAfterMs * 1000,
  }
  const trigger = when && new Trigger(when, until, timing, catalog)
  return new TriggeredCampaign(config, catalog, trigger, parts.fetch)
}
