import type { LoadedConfig } from '../config/load.ts'
import { nearest } from '../config/nearest.ts'
import { AgentError } from '../error.ts'
import type { Logger } from '../log.ts'
import type { Campaign } from './campaign.ts'
import { type CampaignParts, makeCampaign } from './make-campaign.ts'

/**
 * Makes every campaign of a config. Throws `CONFIG_INVALID` with file and line where a condition is
 * not accepted, or a sensor to be asked is not there. Signals that nothing delivers are warned of.
 */
export function makeCampaigns(config: LoadedConfig, parts: CampaignParts, log: Logger): Campaign[] {
  const { known } = parts
  const place = (path: readonly PropertyKey[]): string => `${config.file}:${config.lineOf(path)}`
  const refuse = (path: readonly PropertyKey[], text: string, cause?: unknown): AgentError => {
    const where = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    return new AgentError('CONFIG_INVALID', `${place(path)}: ${where.join('').slice(1)}: ${text}`, {
      cause,
      hint: 'Mend this line and start again; nothing was started.',
    })
  }
  return config.campaigns.map((campaign, i) => {
    for (const [k, { sensor }] of (campaign.fetch ?? []).entries()) {
      const ids = config.sensors.map(({ common }) => common.id)
      if (ids.includes(sensor)) continue
      const guess = nearest(sensor, ids)
      const meant = guess ? `; did you mean "${guess}"?` : ''
      throw refuse(
        ['campaigns', i, 'fetch', k, 'sensor'],
        `no sensor is called "${sensor}"${meant}`,
      )
    }
    const unheard = (path: readonly PropertyKey[], name: string): void => {
      if (name.includes('*') || known.has(name)) return
      const guess = nearest(name, known.all())
      log.warn(
        { campaign: campaign.id },
        `${place(['campaigns', i, ...path])}: no signal is called "${name}" as yet${guess ? `; did you mean "${guess}"?` : ''}`,
      )
    }
    for (const [k, name] of campaign.signals.entries()) unheard(['signals', k], name)
    return makeCampaign(
      campaign,
      parts,
      (key, error) => refuse(['campaigns', i, key], (error as Error).message, error),
      (key, name) => unheard([key], name),
    )
  })
}
