import { readdirSync, readFileSync } from 'node:fs'

/** How a thread spent its time: on a processor, or ready to run and waiting for one. */
export interface ThreadTime {
  /** A part's name for its first thread, `part/2` for the busiest of its others. */
  readonly thread: string
  readonly ranSec: number
  readonly waitedSec: number
}

interface Seen {
  readonly part: string
  readonly first: boolean
  readonly start: Times
  last: Times
}
type Times = readonly [ranNs: number, waitedNs: number]

const NS_PER_SEC = 1e9

/**
 * Watches the threads of processes. A thread that could not run for want of a processor was as much in the
 * way as one that ran: only both together tell which one holds up the others.
 */
export class Threads {
  readonly #seen = new Map<string, Seen>()

  /** Reads where every thread of the process stands. What it did before the first look is left out. */
  look(part: string, pid: number): void {
    for (const tid of threadsOf(pid)) {
      const now = timesOf(pid, tid)
      if (!now) continue
      const key = `${pid}/${tid}`
      const seen = this.#seen.get(key)
      if (seen) seen.last = now
      else this.#seen.set(key, { part, first: tid === pid, start: now, last: now })
    }
  }

  /** What was until now does not count. */
  begin(): void {
    for (const [key, seen] of this.#seen) this.#seen.set(key, { ...seen, start: seen.last })
  }

  /** Of each part its first thread, over all its lives, and the busiest of its others. */
  times(): ThreadTime[] {
    const found = new Map<string, ThreadTime>()
    for (const { part, first, start, last } of this.#seen.values()) {
      const [ranSec, waitedSec] = [0, 1].map((n) => (last[n] - start[n]) / NS_PER_SEC)
      const thread = first ? part : `${part}/2`
      const before = found.get(thread) ?? { thread, ranSec: 0, waitedSec: 0 }
      if (first) {
        found.set(thread, {
          ...{ thread, ranSec: before.ranSec + ranSec, waitedSec: before.waitedSec + waitedSec },
        })
      } else if (ranSec >= before.ranSec) found.set(thread, { thread, ranSec, waitedSec })
    }
    return [...found.values()].sort((a, b) => b.ranSec + b.waitedSec - a.ranSec - a.waitedSec)
  }
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return []
  }
}

/** Documentation/scheduler/sched-stats.rst, `/proc/<pid>/schedstat`; absent where a kernel does not count. */
function timesOf(pid: number, tid: number): Times | undefined {
  try {
    const [ran, waited] = readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')
    return [Number(ran), Number(waited)]
  } catch {
    return undefined
  }
}
