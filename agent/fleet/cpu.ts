import { readFileSync } from 'node:fs'

/** Of `utime` and `stime` among the fields that follow the name of the program (proc(5)). */
const UTIME = 11
const STIME = 12

/** What Linux tells programs, whatever it counts in itself (proc(5), USER_HZ). */
const TICKS_PER_SEC = 100

/** Seconds of processor time that a process has used so far; undefined where nobody tells. */
export function cpuSecOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SEC
  } catch {
    return undefined
  }
}

/** Adds up what the parts of the simulation take of the processors, a killed one's share included. */
export class CpuMeter {
  readonly #parts = new Map<string, { pid: number; startSec: number; lastSec: number }[]>()

  /** @param fromStart what the process has used already counts too */
  follow(part: string, pid: number, fromStart: boolean): void {
    const nowSec = cpuSecOf(pid) ?? 0
    const entry = { pid, startSec: fromStart ? 0 : nowSec, lastSec: nowSec }
    this.#parts.set(part, [...(this.#parts.get(part) ?? []), entry])
  }

  /** What was used until now does not count. */
  begin(): void {
    this.look()
    for (const entries of this.#parts.values()) {
      for (const entry of entries) entry.startSec = entry.lastSec
    }
  }

  /** To be called now and then, and before a process is killed. */
  look(): void {
    for (const entries of this.#parts.values()) {
      for (const entry of entries) entry.lastSec = cpuSecOf(entry.pid) ?? entry.lastSec
    }
  }

  /** Seconds of each part. */
  shares(): Record<string, number> {
    const sum = (entries: readonly { startSec: number; lastSec: number }[]) =>
      entries.reduce((total, { startSec, lastSec }) => total + lastSec - startSec, 0)
    return Object.fromEntries([...this.#parts].map(([part, entries]) => [part, sum(entries)]))
  }
}
