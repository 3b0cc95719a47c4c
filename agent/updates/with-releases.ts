import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadDbc } from '../../sensors/dbc/parse.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import { Buses } from '../buses.ts'
import { makeCampaigns } from '../collection/campaigns.ts'
import { knownSignals } from '../collection/known-signals.ts'
import type { LoadedConfig } from '../config/load.ts'
import { campaignSchema } from '../config/schema.ts'
import { loadDecoder } from '../decoding.ts'
import { AgentError, complaintOf } from '../error.ts'
import { makeLogger } from '../log.ts'
import { Names } from '../names/names.ts'
import { type Held, readHeld, storedFile } from './held-list.ts'

/** Largest campaign or DBC file that is applied. */
const MAX_HELD_BYTES = 16 << 20

/** A file of campaigns, as a release brings it. */
export const campaignsSchema = z.strictObject({
  campaigns: z.array(campaignSchema).min(1).max(256),
})

/** What became of the releases that are held. */
export interface Planned {
  /** With the releases that can be applied. */
  readonly config: LoadedConfig
  /** As its file has it. */
  readonly own: LoadedConfig
  readonly applied: readonly Held[]
  readonly refused: readonly (Held & { readonly reason: string })[]
}

/**
 * A config with the campaigns and DBC files that releases brought in the place of its own. One after
 * the other is tried as a start would do it; what the start would not survive is left out, and the
 * config's own stays.
 */
export async function withReleases(config: LoadedConfig): Promise<Planned> {
  const applied: Held[] = []
  const refused: (Held & { reason: string })[] = []
  let planned = config
  if (!config.updates) return { config, own: config, applied, refused }
  for (const held of readHeld(config.dataDir)) {
    if (held.state === 'refused') continue
    try {
      const file = storedFile(config.dataDir, held.file)
      planned = await withOne(planned, held, file)
      applied.push(held)
    } catch (error) {
      refused.push({ ...held, reason: complaintOf(error).message })
    }
  }
  return { config: planned, own: config, applied, refused }
}

/**
 * The config with one release in it.
 * @param file where its content is
 * @throws an error that says why it cannot be applied here
 */
export async function withOne(
  config: LoadedConfig,
  held: Pick<Held, 'kind' | 'name' | 'file'>,
  file: string,
): Promise<LoadedConfig> {
  const content = readFileSync(file)
  if (createHash('sha256').update(content).digest('hex') !== held.file) {
    throw new AgentError('UPDATE_DAMAGED', `${held.name} was damaged on the disk`)
  }
  if (content.length > MAX_HELD_BYTES) {
    throw new AgentError('UPDATE_REFUSED', `${held.name} has more than ${MAX_HELD_BYTES} bytes`)
  }
  const next =
    held.kind === 'campaign'
      ? withCampaigns(config, content.toString('utf8'), held.name)
      : await withDbc(config, held.name, file)
  await asStarted(next)
  return next
}

function withCampaigns(config: LoadedConfig, text: string, name: string): LoadedConfig {
  const checked = campaignsSchema.safeParse(parse(text))
  if (!checked.success) {
    const { path, message } = checked.error.issues[0]
    const at = path.map(String).join('.')
    throw new AgentError('UPDATE_REFUSED', `campaign ${name}: ${at}: ${message}`)
  }
  const fresh = checked.data.campaigns
  const kept = config.campaigns.filter(({ id }) => !fresh.some((one) => one.id === id))
  return { ...config, campaigns: [...kept, ...fresh] }
}

async function withDbc(config: LoadedConfig, name: string, file: string): Promise<LoadedConfig> {
  await loadDbc(file)
  let used = false
  const buses = Object.entries(config.buses).map(([bus, plan]) => {
    const dbc = plan.dbc.map((path) => {
      const same = basename(path).replace(/\.dbc$/i, '') === name
      used ||= same
      return same ? file : path
    })
    return [bus, { ...plan, dbc }] as const
  })
  if (!used) throw new AgentError('UPDATE_REFUSED', `no bus has a DBC file ${name}.dbc`)
  return { ...config, buses: Object.fromEntries(buses) }
}

/** Makes of a config what a start makes of it, before anything is opened; throws what it would. */
async function asStarted(config: LoadedConfig): Promise<void> {
  const quiet = makeLogger('silent')
  const catalog = new SignalCatalog()
  const names = new Names(config, quiet)
  await loadDecoder(config, new Buses(), catalog, names, quiet)
  const known = knownSignals(catalog, config.sensors)
  makeCampaigns(config, { catalog, known, fetch: () => {} }, quiet)
}
