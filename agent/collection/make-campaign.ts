import type { SignalCatalog } from '../../sensors/reading.ts'
import type { CampaignConfig } from '../config/schema.ts'
import type { Campaign, Fetch } from './campaign.ts'
import { ChangeCampaign } from './change.ts'
import { compileCondition } from './condition.ts'
import type { KnownNames } from './condition-names.ts'
import { SampleCampaign } from './sample.ts'
import { Trigger } from './trigger.ts'
import { TriggeredCampaign } from './triggered.ts'
import { WindowCampaign } from './window.ts'

/** What a campaign needs besides its config. */
export interface CampaignParts {
  readonly catalog: SignalCatalog
  /** Names that conditions may use. */
  readonly known: KnownNames
  readonly fetch: Fetch
}

/**
 * Makes a campaign. Throws what `fault` makes of a condition that is refused; `key` is `when` or
 * `until`. `named` is told every signal of a condition.
 */
export function makeCampaign(
  config: CampaignConfig,
  parts: CampaignParts,
  fault: (key: 'when' | 'until', error: unknown) => unknown = (_key, error) => error,
  named: (key: 'when' | 'until', name: string) => void = () => {},
): Campaign {
  const { catalog } = parts
  if (config.sampleEveryMs !== undefined) return new SampleCampaign(config, catalog)
  if (config.onChange) return new ChangeCampaign(config, catalog)
  if (config.window) return new WindowCampaign(config, catalog)
  const condition = (key: 'when' | 'until') => {
    const text = config[key]
    if (text === undefined) return undefined
    try {
      const compiled = compileCondition(text, parts.known)
      for (const name of compiled.names) named(key, name)
      return compiled
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
