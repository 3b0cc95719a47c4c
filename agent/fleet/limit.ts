import { availableParallelism } from 'node:os'
import type { FleetResult } from './fleet.ts'

/** From here on a processor, or a thread, counts as busy all the time. */
const FULL = 0.85
/** A rate this near to what was asked for is what was asked for. */
const REACHED = 0.97
/** A thread that ran less than this of the time it wanted to was held up by others for a processor. */
const STARVED = 0.75

/** A thread's time as shares of the run. */
export interface ThreadShare {
  readonly thread: string
  readonly ran: number
  /** Ready to run, and no processor was free. */
  readonly waited: number
}

export interface Limit {
  /** Records a second, confirmed to their vehicles and in Kafka. */
  readonly confirmedPerSec: number
  readonly forwardedPerSec: number
  /** Microseconds of processor time for each record, by part. */
  readonly cpuUs: Readonly<Record<string, number>>
  /** What all processors of this machine could do at that price, records a second. */
  readonly ceilingPerSec: number
  /** Shares of all processors over the run: of these parts, of other programs, of nobody, of nobody while a disk was waited for. */
  readonly busy: number
  readonly others: number
  readonly idle: number
  readonly disk: number
  /** The busiest first. */
  readonly threads: readonly ThreadShare[]
  /** What holds the rate where it is. */
  readonly named: string
}

type Measured = Pick<
  FleetResult,
  'records' | 'confirmedSec' | 'forwardedSec' | 'cpuSec' | 'threads' | 'machine'
>

/** Finds what limits the rate, from what each part took of the processors. */
export function limitOf(result: Measured, recordsPerSec: number): Limit {
  const { records, confirmedSec, forwardedSec, cpuSec, machine } = result
  const cores = availableParallelism()
  const cpuUs = Object.fromEntries(
    Object.entries(cpuSec).map(([part, seconds]) => [part, (seconds / records) * 1e6]),
  )
  const allSec = Object.values(cpuSec).reduce((sum, seconds) => sum + seconds, 0)
  const busy = allSec / (cores * forwardedSec)
  const share = (seconds: number): number =>
    machine.allSec > 0 ? Math.max(0, seconds / machine.allSec) : 0
  const [idle, disk] = [share(machine.idleSec), share(machine.diskSec)]
  const measured = {
    ...{ confirmedPerSec: records / confirmedSec, forwardedPerSec: records / forwardedSec },
    ...{ cpuUs, ceilingPerSec: (cores * records) / allSec, busy, idle, disk },
    others: Math.max(0, 1 - busy - idle - disk),
    threads: result.threads.map(({ thread, ranSec, waitedSec }) => {
      return { thread, ran: ranSec / forwardedSec, waited: waitedSec / forwardedSec }
    }),
  }
  return { ...measured, named: nameOf(measured, recordsPerSec) }
}

function nameOf(limit: Omit<Limit, 'named'>, recordsPerSec: number): string {
  if (limit.confirmedPerSec >= recordsPerSec * REACHED) {
    return 'the rate that was asked for, which was reached'
  }
  const percent = (part: number): string => `${Math.round(part * 100)} %`
  const [first] = limit.threads
  if (first && first.ran + first.waited > FULL) {
    const { thread, ran, waited } = first
    if (ran / (ran + waited) >= STARVED) {
      return `the one thread of ${thread}, which ran ${percent(ran)} of the time`
    }
    const taken = `these parts had ${percent(limit.busy)} of them, other programs ${percent(limit.others)}`
    return `the processors: ${thread} wanted one ${percent(ran + waited)} of the time and had it ${percent(ran)}; ${taken}`
  }
  if (limit.busy + limit.others > FULL) {
    const [heaviest] = Object.entries(limit.cpuUs).sort(([, a], [, b]) => b - a)
    return `the processors, of which these parts had ${percent(limit.busy)}, most of it ${heaviest[0]}, and other programs ${percent(limit.others)}`
  }
  const most = first ? `, of their threads ${first.thread} most, ${percent(first.ran)}` : ''
  return `no processor: these parts used ${percent(limit.busy)} of them${most}; they waited for each other, or for the disk (${percent(limit.disk)})`
}
