import type { BusNames } from '../../sensors/replay/interfaces.ts'
import type { Buses } from '../buses.ts'

/** More interfaces than this in one log are not told apart by a frame's one byte. */
const MAX_BUSES = 256

/** The interfaces of logs as buses; frames of those beyond `MAX_BUSES` are skipped, which is told. */
export function logBuses(buses: Buses): BusNames {
  const known = new Set<string>()
  return {
    indexOf: (name) => {
      if (known.size < MAX_BUSES) known.add(name)
      if (known.has(name)) return buses.indexOf(name)
      process.stderr.write(`frames of ${name} are skipped: more than ${MAX_BUSES} interfaces\n`)
      return -1
    },
    nameOf: (index) => buses.nameOf(index),
  }
}
