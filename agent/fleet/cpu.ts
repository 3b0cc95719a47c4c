import { readFileSync } from 'node:fs'
import { Threads, type ThreadTime } from './threads.ts'

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

/** What the processors of this machine did; seconds, of all of them together. */
export interface MachineTime {
  readonly allSec: number
  readonly idleSec: number
  /** Idle while a program waited for a disk. */
  readonly diskSec: number
}

/** Since the machine started (proc(5), `/proc/stat`); all zero where nobody tells. */
function machineTime(): MachineTime {
  try {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/ +/)
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
    const sec = fields.slice(0, 8).map((ticks) => Number(ticks) / TICKS_PER_SEC)
    return { allSec: sec.reduce((sum, n) => sum + n, 0), idleSec: sec[3], diskSec: sec[4] }
  } catch {
    return { allSec: 0, idleSec: 0, diskSec: 0 }
  }
}

/** Adds up what the parts of the simulation take of the processors, a killed one's share included. */
export class CpuMeter {
  readonly #parts = new Map<string, { pid: number; startSec: number; lastSec: number }[]>()
  readonly #threads = new Threads()
  #machine = machineTime()

  /** @param fromStart what the process has used already counts too */
  follow(part: string, pid: number, fromStart: boolean): void {
    const nowSec = cpuSecOf(pid) ?? 0
    const entry = { pid, startSec: fromStart ? 0 : nowSec, lastSec: nowSec }
    this.#parts.set(part, [...(this.#parts.get(part) ?? []), entry])
  }

  /** What was used until now does not count. */
  begin(): void {
    this.look()
    this.#threads.begin()
    this.#machine = machineTime()
    for (const entries of this.#parts.values()) {
      for (const entry of entries) entry.startSec = entry.lastSec
    }
  }

  /** To be called now and then, and before a process is killed. */
  look(): void {
    for (const [part, entries] of this.#parts) {
      for (const entry of entries) {
        entry.lastSec = cpuSecOf(entry.pid) ?? entry.lastSec
        this.#threads.look(part, entry.pid)
      }
    }
  }

  /** Seconds of each part. */
  shares(): Record<string, number> {
    const sum = (entries: readonly { startSec: number; lastSec: number }[]) =>
      entries.reduce((total, { startSec, lastSec }) => total + lastSec - startSec, 0)
    return Object.fromEntries([...this.#parts].map(([part, entries]) => [part, sum(entries)]))
  }

  /** The threads of the parts, the busiest first. */
  threads(): ThreadTime[] {
    return this.#threads.times()
  }

  /** What all processors did since the beginning. */
  machine(): MachineTime {
    const now = machineTime()
    return {
      allSec: now.allSec - this.#machine.allSec,
      idleSec: now.idleSec - this.#machine.idleSec,
      diskSec: now.diskSec - this.#machine.diskSec,
    }
  }
}
