import { join } from 'node:path'
import { makeFolder } from '../models/durable.ts'
import { AgentError } from './error.ts'

/** Makes the data folder, for this user and group only. */
export function prepareDataDir(dataDir: string): void {
  try {
    makeFolder(dataDir, 0o750)
  } catch (cause) {
    throw new AgentError('DATA_DIR_DENIED', `Cannot make ${dataDir}: ${(cause as Error).message}`, {
      cause,
      hint: 'Set dataDir to a folder that this user may write.',
    })
  }
}

/** The outbox in a data folder. */
export function outboxPath(dataDir: string): string {
  return join(dataDir, 'outbox.db')
}

/** The store of other vehicles' records, in a depot's data folder. */
export function relayPath(dataDir: string): string {
  return join(dataDir, 'relay.db')
}
