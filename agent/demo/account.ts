import { Audit, type EpochAccount } from '../../sync/audit.ts'
import { type HistoryRecord, readHistory } from '../../sync/kafka/history.ts'
import { identityOf } from '../../sync/kafka/message.ts'
import { LANES } from '../../sync/record.ts'

/** Readings of the simulator that tell the truth: not 0 while a fault is active. */
const TRUTH = 'Simulator.Fault'

/** What the history says of one vehicle. */
export interface VehicleAccount {
  readonly audit: EpochAccount
  /** Anomalies, by the wall time of the drive. */
  readonly anomaliesUs: readonly number[]
  /** When a fault began, as the snapshots tell; undefined where they know of none. */
  readonly faultUs: number | undefined
  /** When the first and the last snapshot were taken. */
  readonly firstUs: number
  readonly lastUs: number
}

class Tally {
  anomaliesUs: number[] = []
  faultUs: number | undefined
  firstUs = Number.POSITIVE_INFINITY
  lastUs = 0
}

export interface Account {
  readonly vehicles: ReadonlyMap<string, VehicleAccount>
  readonly records: number
  readonly bytes: number
}

/**
 * Reads all topics back from their first offset and accounts for every record.
 * @param produced for each vehicle its epoch and the last `seq` that its outbox gave out
 */
export async function takeAccount(
  brokers: readonly string[],
  produced: ReadonlyMap<string, { epoch: string; lastSeq: number }>,
  onProgress: (records: number) => void,
): Promise<Account> {
  const audit = new Audit()
  for (const [vehicle, { epoch, lastSeq }] of produced) audit.expect(vehicle, epoch, lastSeq)
  const tallies = new Map<string, Tally>([...produced.keys()].map((name) => [name, new Tally()]))
  let records = 0
  let bytes = 0
  for (const lane of LANES) {
    for await (const batch of readHistory({ brokers, topic: `milepost.${lane}` })) {
      for (const record of batch) {
        const identity = identityOf(record.headers)
        if (!identity) continue
        audit.add(identity)
        records++
        bytes += record.value?.length ?? 0
        const tally = tallies.get(identity.vehicle)
        if (tally) look(record, tally)
      }
      onProgress(records)
    }
  }
  const vehicles = new Map<string, VehicleAccount>()
  for (const epoch of audit.report()) {
    const { anomaliesUs, faultUs, firstUs, lastUs } = tallies.get(epoch.vehicle) ?? new Tally()
    vehicles.set(epoch.vehicle, { audit: epoch, anomaliesUs, faultUs, firstUs, lastUs })
  }
  return { vehicles, records, bytes }
}

function look(record: HistoryRecord, tally: Tally): void {
  const type = record.header('ce_type')?.toString()
  if (type === 'milepost.inference.v1') {
    const { event, timeUs } = JSON.parse(record.value!.toString())
    if (event === 'begin') tally.anomaliesUs.push(timeUs)
  } else if (type === 'milepost.snapshot.v1') {
    const { timeUs, signals } = JSON.parse(record.value!.toString())
    tally.firstUs = Math.min(tally.firstUs, timeUs)
    tally.lastUs = Math.max(tally.lastUs, timeUs)
    if (signals[TRUTH]) tally.faultUs = Math.min(tally.faultUs ?? timeUs, timeUs)
  }
}
