import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openReleaseClient } from '../../../models/release/client.ts'
import type { Disk } from '../../../models/release/disk.ts'
import type { ReleaseClient, ReleaseClock, ReleaseLimits } from '../../../models/release/release.ts'
import { initRepository } from '../../../models/release/repository/init.ts'
import { KeyRing } from '../../../models/release/repository/keys.ts'
import { Repository } from '../../../models/release/repository/repository.ts'
import type { ExpiryDays } from '../../../models/release/repository/roles.ts'
import { FolderStore } from '../../../models/release/repository/store.ts'
import { FolderSource } from '../../../models/release/source/folder.ts'
import type { ReleaseSource } from '../../../models/release/source.ts'
import { tempDir } from '../../support/temp-dir.ts'

export const PASSPHRASE = 'a passphrase for tests'
export const DAY_MS = 86_400_000

/** A desk with keys and a repository in folders that go when the test ends. */
export interface TestDesk {
  readonly dir: string
  readonly keysDir: string
  /** Folder of the repository. */
  readonly folder: string
  readonly repository: Repository
  readonly root: Buffer
  /** The time of the desk, which a test may set. */
  now: number
  keys(): Promise<KeyRing>
}

export async function makeDesk(
  t: TestContext,
  options: { expiryDays?: Partial<ExpiryDays>; nowMs?: number } = {},
): Promise<TestDesk> {
  const dir = tempDir(t)
  const keysDir = join(dir, 'keys')
  const folder = join(dir, 'repository')
  const keys = () => KeyRing.open(keysDir, async () => PASSPHRASE)
  const ring = await keys()
  const store = new FolderStore(folder)
  const desk = { now: options.nowMs ?? Date.now() }
  const nowMs = () => desk.now
  await initRepository({ store, keys: ring, expiryDays: options.expiryDays, nowMs })
  return Object.assign(desk, {
    dir,
    keysDir,
    folder,
    keys,
    repository: new Repository({ store, keys: ring, nowMs }),
    root: readFileSync(join(keysDir, 'root.json')),
  })
}

/** A vehicle's clock that a test sets. */
export class TestClock implements ReleaseClock {
  now: number
  mono = 0

  constructor(now = Date.now()) {
    this.now = now
  }

  nowMs(): number {
    return this.now
  }

  monoMs(): number {
    return this.mono
  }
}

/** Tests wait for nothing longer than they have to. */
export const QUICK: Partial<ReleaseLimits> = { retryMs: 1, reserveBytes: 0 }

export interface TestVehicle {
  readonly client: ReleaseClient
  readonly dir: string
  readonly clock: TestClock
}

export function makeVehicle(
  t: TestContext,
  desk: Pick<TestDesk, 'folder' | 'root'>,
  options: {
    vehicle?: string
    dir?: string
    source?: ReleaseSource
    clock?: TestClock
    limits?: Partial<ReleaseLimits>
    disk?: Disk
  } = {},
): TestVehicle {
  const dir = options.dir ?? join(tempDir(t), 'vehicle')
  const clock = options.clock ?? new TestClock()
  const client = openReleaseClient({
    dir,
    source: options.source ?? new FolderSource(desk.folder),
    vehicle: options.vehicle ?? 'truck-17',
    clock,
    trustedRoot: desk.root,
    limits: { ...QUICK, ...options.limits },
    disk: options.disk,
  })
  return { client, dir, clock }
}

/** Publishes a bundle of these bytes and gives it to everybody. */
export async function release(desk: TestDesk, version: string, bytes = Buffer.from(version)) {
  await desk.repository.add('bundle', 'engine', version, bytes)
  await desk.repository.publish()
  return desk.repository.start('bundle', 'engine', { version })
}
