// A vehicle that refreshes and downloads over and over, and is killed with SIGKILL at the step on its
// disk that its arguments name: before it, in the middle of a write, or after it. What was written and
// not yet synced is then cut at a seeded length, as a power cut may do.
// Arguments: folder, repository, root, vehicle, kill at step (0: never), seed.
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { openReleaseClient } from '../../models/release/client.ts'
import { type Disk, type GrowingFile, realDisk } from '../../models/release/disk.ts'
import { FolderSource } from '../../models/release/source/folder.ts'
import { randomOf } from '../../models/training/random.ts'

const [dir, folder, rootPath, vehicle, killAt, seed] = process.argv.slice(2)
const random = randomOf(Number(seed))
let step = 0
/** Bytes of each file that are surely on the disk: those of earlier lives, and what was synced since. */
const safe = new Map<string, number>()
for (const path of filesIn(dir)) safe.set(path, statSync(path).size)

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function die(): never {
  for (const path of filesIn(dir)) {
    const { size } = statSync(path)
    const kept = Math.min(size, safe.get(path) ?? 0)
    if (size > kept) truncateSync(path, kept + Math.floor(random() * (size - kept + 1)))
  }
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

function isSafe(path: string): void {
  safe.set(path, statSync(path).size)
}

function moved(from: string, to: string): void {
  for (const [path, size] of [...safe]) {
    if (path !== from && !path.startsWith(`${from}/`)) continue
    safe.delete(path)
    safe.set(to + path.slice(from.length), size)
  }
}

/** One step: the process may end before it, and after it. */
async function stepped<T>(work: () => Promise<T>): Promise<T> {
  const isLast = ++step === Number(killAt)
  const before = random() < 0.5
  if (isLast && before) die()
  const value = await work()
  if (isLast) die()
  return value
}

const disk: Disk = {
  ...realDisk,
  write: (path, bytes) =>
    stepped(async () => {
      if (step === Number(killAt)) {
        writeFileSync(path, bytes.subarray(0, Math.floor(random() * bytes.length)))
        die()
      }
      await realDisk.write(path, bytes)
      isSafe(path)
    }),
  rename: (from, to) =>
    stepped(async () => {
      await realDisk.rename(from, to)
      moved(from, to)
    }),
  sync: (path) =>
    stepped(async () => {
      await realDisk.sync(path)
      isSafe(path)
    }),
  syncDir: (path) => stepped(() => realDisk.syncDir(path)),
  remove: (path) => stepped(() => realDisk.remove(path)),
  makeDir: (path) => stepped(() => realDisk.makeDir(path)),
  async grow(path): Promise<GrowingFile> {
    const file = await stepped(() => realDisk.grow(path))
    return {
      length: file.length,
      append: (bytes) =>
        stepped(async () => {
          if (step === Number(killAt)) {
            await file.append(bytes.subarray(0, Math.floor(random() * bytes.length)))
            die()
          }
          await file.append(bytes)
        }),
      cut: (length) => stepped(() => file.cut(length)),
      sync: () =>
        stepped(async () => {
          await file.sync()
          isSafe(path)
        }),
      close: () => file.close(),
    }
  },
}

const client = openReleaseClient({
  dir,
  source: new FolderSource(folder),
  vehicle,
  clock: { nowMs: Date.now, monoMs: () => performance.now() },
  trustedRoot: readFileSync(rootPath),
  limits: { reserveBytes: 0 },
  disk,
})
for (const release of (await client.refresh()).releases) await client.download(release)
process.stdout.write(`${step}\n`)
