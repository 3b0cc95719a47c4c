import { LANES } from '../record.ts'
import { CLOCKS, type Shelf } from './shelf.ts'

/** Rows repaired in one transaction: what the log takes without growing. */
const REPAIR_RECORDS = 5_000

/** See `Outbox.repairTimes`. */
export function repairTimes(shelf: Shelf, bootId: string, offsetUs: number): number {
  const boot = shelf.boots.find(bootId)
  const { seq } = shelf.unsynced
  if (boot === undefined || bootId !== shelf.bootId || seq === 0) return 0
  const states: [number, number] = [CLOCKS.indexOf('unsynced'), CLOCKS.indexOf('repaired')]
  let repaired = 0
  for (const lane of LANES) {
    const after = Math.max(shelf.busySeq(lane), seq - 1)
    for (let some = REPAIR_RECORDS; some === REPAIR_RECORDS; repaired += some) {
      some = shelf.transact(() =>
        shelf.tables[lane].repair(after, boot, Math.round(offsetUs), states, REPAIR_RECORDS),
      )
    }
  }
  shelf.transact(() => shelf.unsynced.clear())
  return repaired
}
