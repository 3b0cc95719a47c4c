import { readFileSync } from 'node:fs'

/**
 * Bytes that this thread has caused to be sent to a disk (proc(5), /proc/pid/io, `write_bytes`): pages,
 * not the smaller writes that filled them. 0 where the system does not tell.
 */
export function threadWrittenBytes(): number {
  try {
    const io = readFileSync('/proc/thread-self/io', 'utf8')
    return Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? 0)
  } catch {
    return 0
  }
}
