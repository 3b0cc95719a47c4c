import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Resident memory, and its share where pages are shared with other processes. */
export function memoryOf(pid: number): {
  rssBytes: number
  pssBytes: number
  anonymousBytes: number
} {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const of = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1024
  return { rssBytes: of('Rss'), pssBytes: of('Pss'), anonymousBytes: of('Anonymous') }
}

/** Bytes that a process caused to be sent to the disk, proc(5) `io`. */
export function writtenBytes(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1])
}

export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length
export const threadsOf = (pid: number): number => readdirSync(`/proc/${pid}/task`).length

/** Bytes of all files below a folder, of links what they lead to. */
export function bytesBelow(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, { name }) => {
    const path = join(folder, name)
    // One that went meanwhile has none.
    const stat = statSync(path, { throwIfNoEntry: false })
    return sum + (stat?.isDirectory() ? bytesBelow(path) : (stat?.size ?? 0))
  }, 0)
}
