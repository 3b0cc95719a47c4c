import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { AgentError } from './error.ts'

/** Makes the data folder, for this user and group only. */
export function prepareDataDir(dataDir: string): void {
  try {
    makeWithParents(resolve(dataDir))
  } catch (cause) {
    throw new AgentError('DATA_DIR_DENIED', `Cannot make ${dataDir}: ${(cause as Error).message}`, {
      cause,
      hint: 'Set dataDir to a folder that this user may write.',
    })
  }
}

/**
 * Node's own recursive mkdir never returns, and hears no signal, where a folder that is there answers
 * ENOENT to a new one within it, as /proc does. This one goes up once and down once.
 */
function makeWithParents(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeWithParents(parent)
  try {
    mkdirSync(path, { mode: 0o750 })
  } catch (cause) {
    // Another process may have made it since.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw cause
  }
}
