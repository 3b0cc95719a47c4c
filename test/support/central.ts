import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type Central, type CentralOptions, startCentral } from '../../deploy/central/central.ts'
import { createTopics, type TopicSpec } from '../../sync/kafka/admin.ts'

/** A real broker for tests that do not stop it; maybe shared with other test files. */
export interface SharedCentral {
  /** `host:port` */
  readonly bootstrap: string
  /** A name nobody else has on this broker: for topics, groups, vehicles, transactional ids. */
  unique(name: string): string
  createTopics(topics: readonly TopicSpec[]): Promise<void>
}

const unique = (name: string): string => `${name}-${randomBytes(5).toString('hex')}`

/**
 * The broker of the environment's MILEPOST_TEST_BOOTSTRAP where that is set, else one that is
 * started now and stopped after the test file or the suite that calls this.
 */
export async function useCentral(): Promise<SharedCentral> {
  const bootstrap = process.env.MILEPOST_TEST_BOOTSTRAP ?? (await ownCentral()).bootstrap
  return { bootstrap, unique, createTopics: (topics) => createTopics(bootstrap, topics) }
}

/** A central that the test may stop, kill and start again. */
export interface OwnCentral extends Central {
  readonly unique: (name: string) => string
  /** Starts central on the same folder and ports, after `stop` or `kill`. */
  restart(): Promise<OwnCentral>
}

/** Starts a central in a temporary folder; it ends, and the folder goes, after the suite. */
export async function ownCentral(options: Partial<CentralOptions> = {}): Promise<OwnCentral> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'milepost-central-')))
  let current: Central | undefined
  after(async () => {
    await current?.stop()
    if (!options.dataDir) await rm(dataDir, { recursive: true, force: true })
  })
  const start = async (): Promise<OwnCentral> => {
    current = await startCentral({ ...options, dataDir, progress: tellSlowly() })
    return { ...current, unique, restart: start }
  }
  return start()
}

/** A first run fetches jars for a minute or two; whoever watches should see that it does. */
function tellSlowly(): (message: string) => void {
  let lastMs = 0
  return (message) => {
    if (message.startsWith('Starting') || Date.now() - lastMs < 5_000) return
    lastMs = Date.now()
    console.error(message)
  }
}
