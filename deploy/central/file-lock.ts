import { open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFolder } from '../../models/durable.ts'

const HEARTBEAT_MS = 2_000
/** A holder that was silent for so long is gone, even if its process id lives on as another's. */
const STALE_MS = 30_000
const POLL_MS = 200

/**
 * Runs `work` while holding the lock file, after waiting for whoever holds it. A holder that died
 * is taken over from. Two that take over at the same instant could both get in, so the work must be
 * right even then (here: each builds in its own folder and renames it) and only saves effort by
 * waiting.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  onWait?: (holderPid: number) => void,
): Promise<T> {
  makeFolder(dirname(path))
  let told = false
  while (!(await tryLock(path))) {
    const pid = await holder(path)
    if (pid === undefined) continue
    // On a slow disk its file is there for a while before its id is in it.
    if (pid > 0 && !told) {
      onWait?.(pid)
      told = true
    }
    await sleep(POLL_MS)
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {})
  }, HEARTBEAT_MS)
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    await rm(path, { force: true })
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(String(process.pid))
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Who holds the lock, 0 where it did not say yet; undefined where nobody does (any more), and a dead
 * holder's file is removed.
 */
async function holder(path: string): Promise<number | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    const pid = Number(text)
    const silentMs = Date.now() - mtimeMs
    // An empty file is a holder between creating it and writing its id into it.
    const dead = text === '' ? silentMs > HEARTBEAT_MS : silentMs > STALE_MS || !isAlive(pid)
    if (!dead) return pid
    await rm(path, { force: true })
    return undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
