import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../durable.ts'
import { realDisk, replaceFile } from './disk.ts'
import { ReleaseError } from './errors.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { consistentPath } from './names.ts'
import { HttpSource } from './source/http.ts'
import { nameOf, Store } from './store.ts'
import { Trust } from './trust/trust.ts'
import type { Walk } from './trust/verify.ts'

/** What the TUF conformance suite gives a client under test. */
export interface TufClientOptions {
  readonly metadataDir: string
  readonly metadataUrl: string
}

export interface TufDownloads {
  readonly targetNames: readonly string[]
  readonly targetBaseUrl: string
  readonly targetDir: string
}

/** Our own folder in the one that the suite looks into for `<role>.json`. */
const STATE = '.milepost'

const monoMs = () => performance.now()
const clock = { nowMs: () => Date.now(), monoMs }

/** Lays the trusted root down; asks nobody. */
export async function initTufClient(metadataDir: string, rootFile: string): Promise<void> {
  makeFolder(join(metadataDir, STATE))
  const root = await readFile(rootFile)
  await writeFile(join(metadataDir, STATE, 'trusted-root'), root)
  await writeFile(join(metadataDir, 'root.json'), root)
}

/**
 * The client that vehicles have, against any TUF repository: refreshes, and downloads the named targets
 * in their order. What it trusts is shown as `<metadataDir>/<role>.json`, also after a failure.
 */
export async function runTufClient(options: TufClientOptions, wanted?: TufDownloads) {
  const { metadataDir } = options
  const stateDir = join(metadataDir, STATE)
  const trust = new Trust({
    dir: stateDir,
    source: new HttpSource(options.metadataUrl),
    folder: '',
    clock,
    trustedRoot: await readFile(join(stateDir, 'trusted-root')),
    limits: DEFAULT_LIMITS,
    disk: realDisk,
  })
  try {
    await trust.refresh(undefined, async () => {})
    // Each target in a walk of its own: a role that one delegation vouches for is not yet one that
    // another vouches for.
    for (const name of wanted?.targetNames ?? []) {
      await trust.refresh(undefined, (walk) => fetchTarget(walk, name, stateDir, wanted!), {
        cached: true,
      })
    }
  } finally {
    await show(trust, metadataDir)
  }
}

async function fetchTarget(
  walk: Walk,
  name: string,
  stateDir: string,
  { targetBaseUrl, targetDir }: TufDownloads,
): Promise<void> {
  const target = await walk.find(name)
  if (!target) throw new ReleaseError('RELEASE_MISSING', `no role names ${name}`)
  const { length, hashes } = target
  const hash = nameOf(hashes)
  const path = walk.verified.root.signed.consistentSnapshot ? consistentPath(name, hash) : name
  const wanted = { path: path.split('/').map(encodeURIComponent).join('/'), length, hashes }
  const store = new Store(realDisk, stateDir, DEFAULT_LIMITS)
  const stored = await store.fetch(new HttpSource(targetBaseUrl), wanted, undefined, () => {})
  const bytes = await readFile(stored)
  const shown = join(targetDir, encodeURIComponent(name))
  const before = await readFile(shown).catch(() => undefined)
  if (before?.equals(bytes)) return
  makeFolder(targetDir)
  await replaceFile(realDisk, shown, bytes)
}

/** Copies of what is trusted, where the suite looks for it. */
async function show(trust: Trust, metadataDir: string): Promise<void> {
  const files = await trust.files()
  for (const name of await realDisk.list(metadataDir)) {
    if (name.endsWith('.json') && !files.has(name) && name !== 'root.json') {
      await rm(join(metadataDir, name))
    }
  }
  for (const [name, bytes] of files) await writeFile(join(metadataDir, name), bytes)
}
