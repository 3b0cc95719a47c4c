import type { LoadedConfig } from '../config/load.ts'
import { nearest } from '../config/nearest.ts'
import { AgentError } from '../error.ts'
import type { Logger } from '../log.ts'
import type { Campaign } from './campaign.ts'
import { fetchProblems } from './fetch-problems.ts'
import { type CampaignParts, makeCampaign } from './make-campaign.ts'

type Path = readonly PropertyKey[]

/**
 * Makes every campaign of a config. Throws `CONFIG_INVALID` with file and line of every condition that is
 * not accepted, and of every sensor that is not there or can never be asked what it shall be asked.
 * Signals that nothing delivers are warned of.
 */
export function makeCampaigns(config: LoadedConfig, parts: CampaignParts, log: Logger): Campaign[] {
  const { known } = parts
  const place = (path: Path): string => `${config.file}:${config.lineOf(path)}`
  const refuse = (path: Path, text: string, cause?: unknown): AgentError => {
    const where = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    return refusal(`${place(path)}: ${where.join('').slice(1)}: ${text}`, cause)
  }
  const refused: AgentError[] = []
  const campaigns = config.campaigns.flatMap((campaign, i) => {
    const problems = fetchProblems(campaign, config.sensors)
    refused.push(...problems.map(({ at, text }) => refuse(['campaigns', i, 'fetch', ...at], text)))
    const unheard = (path: Path, name: string): void => {
      if (name.includes('*') || known.has(name)) return
      const guess = nearest(name, known.all())
      log.warn(
        { campaign: campaign.id },
        `${place(['campaigns', i, ...path])}: no signal is called "${name}" as yet${guess ? `; did you mean "${guess}"?` : ''}`,
      )
    }
    for (const [k, name] of campaign.signals.entries()) unheard(['signals', k], name)
    try {
      return makeCampaign(
        campaign,
        parts,
        (key, error) => refuse(['campaigns', i, key], (error as Error).message, error),
        (key, name) => unheard([key], name),
      )
    } catch (error) {
      if (!(error instanceof AgentError)) throw error
      refused.push(error)
      return []
    }
  })
  if (refused.length === 0) return campaigns
  throw refusal(refused.map(({ message }) => message).join('\n'), refused[0].cause)
}

function refusal(text: string, cause: unknown): AgentError {
  const hint = `Mend ${text.includes('\n') ? 'these lines' : 'this line'} and start again; nothing was started.`
  return new AgentError('CONFIG_INVALID', text, { cause, hint })
}
