import { availableParallelism } from 'node:os'
import type { FleetResult } from './fleet.ts'

/** From here on a processor, or the one that a single thread can use, counts as full. */
const FULL = 0.85
/** A rate this near to what was asked for is what was asked for. */
const REACHED = 0.97

export interface Limit {
  /** Records a second, confirmed to their vehicles and in Kafka. */
  readonly confirmedPerSec: number
  readonly forwardedPerSec: number
  /** Microseconds of processor time for each record, by part. */
  readonly cpuUs: Readonly<Record<string, number>>
  /** What all processors of this machine could do at that price, records a second. */
  readonly ceilingPerSec: number
  /** Of all processors, over the run. */
  readonly busy: number
  /** What holds the rate where it is. */
  readonly named: string
}

/** Finds what limits the rate, from what each part took of the processors. */
export function limitOf(result: FleetResult, recordsPerSec: number): Limit {
  const { records, confirmedSec, forwardedSec, cpuSec } = result
  const cores = availableParallelism()
  const cpuUs = Object.fromEntries(
    Object.entries(cpuSec).map(([part, seconds]) => [part, (seconds / records) * 1e6]),
  )
  const allSec = Object.values(cpuSec).reduce((sum, seconds) => sum + seconds, 0)
  const confirmedPerSec = records / confirmedSec
  const forwardedPerSec = records / forwardedSec
  const ceilingPerSec = (cores * records) / allSec
  const busy = allSec / (cores * forwardedSec)
  const heaviest = Object.entries(cpuSec).sort(([, a], [, b]) => b - a)[0]
  const threads = ['mosquitto', 'relay', 'vehicles'].filter(
    (part) => (cpuSec[part] ?? 0) / confirmedSec > FULL,
  )
  const named =
    confirmedPerSec >= recordsPerSec * REACHED
      ? 'the rate that was asked for, which was reached'
      : busy > FULL
        ? `the ${cores} processors, of which ${heaviest[0]} takes most`
        : threads.length > 0
          ? `the one thread of ${threads.join(' and of ')}`
          : 'not these parts: they waited, for the disk, for each other, or for a processor that other programs had'
  return { confirmedPerSec, forwardedPerSec, cpuUs, ceilingPerSec, busy, named }
}
