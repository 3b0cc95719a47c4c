import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyRing } from '../../models/release/repository/keys.ts'
import { Repository } from '../../models/release/repository/repository.ts'
import { openStore, type RepositoryStore } from '../../models/release/repository/store.ts'
import { AgentError } from '../error.ts'
import { passphrasesOf } from './release-passphrases.ts'

/** Options that every command at the desk has. */
export interface DeskFlags {
  repository?: string
  keys?: string
  passphraseFile?: string
  json?: boolean
}

export interface OpenDesk {
  readonly store: RepositoryStore
  readonly keys: KeyRing
  readonly repository: Repository
}

export const DEFAULT_KEYS = 'release-keys'

export function repositoryAddress(flags: { repository?: string }): string {
  const address = flags.repository ?? process.env.MILEPOST_RELEASE_REPOSITORY
  if (address) return address
  throw new AgentError('USAGE', 'which repository?', {
    hint: 'Give --repository <folder or s3://bucket/folder>, or set MILEPOST_RELEASE_REPOSITORY.',
  })
}

export function keysDir(flags: { keys?: string }): string {
  return flags.keys ?? process.env.MILEPOST_RELEASE_KEYS ?? DEFAULT_KEYS
}

/** Opens the repository and the keys for one command, and closes them after it. */
export async function atDesk<T>(
  flags: DeskFlags,
  work: (desk: OpenDesk) => Promise<T>,
): Promise<T> {
  const store = await openStore(repositoryAddress(flags))
  try {
    const keys = await KeyRing.open(keysDir(flags), passphrasesOf(flags.passphraseFile))
    return await work({ store, keys, repository: new Repository({ store, keys }) })
  } finally {
    await store.close()
  }
}

/** The root to trust: a file that is named, else the one beside the keys. */
export async function trustedRootOf(flags: { root?: string; keys?: string }): Promise<Buffer> {
  const path = flags.root ?? join(keysDir(flags), 'root.json')
  return readFile(path).catch((error) => {
    throw new AgentError('USAGE', `${path}: ${error.message}`, {
      cause: error,
      hint: 'Give the root.json that vehicles have with --root.',
    })
  })
}

/** A folder for the time of one command. */
export async function inWorkDir<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'milepost-release-'))
  try {
    return await work(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
