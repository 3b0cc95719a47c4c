import { Audit, type EpochAccount } from '../../sync/audit.ts'
import { type HistoryRecord, readHistory } from '../../sync/kafka/history.ts'
import { identityOf } from '../../sync/kafka/message.ts'
import { LANES } from '../../sync/record.ts'
import { UPDATE_TYPE, type UpdateStep } from '../updates/steps.ts'

/** Readings of the simulator that tell the truth: not 0 while a fault is active. */
const TRUTH = 'Simulator.Fault'

/** An anomaly that began: when, by the wall time of the drive, and which bundle said so. */
export interface Anomaly {
  readonly timeUs: number
  readonly bundle: string
}

/** What the history says of one drive of one vehicle. */
export interface DriveAccount {
  readonly anomalies: readonly Anomaly[]
  /** When a fault began, as the snapshots tell; undefined where they know of none. */
  readonly faultUs: number | undefined
  /** When the first snapshot was taken. */
  readonly firstUs: number
}

/** What the history says of one vehicle. */
export interface VehicleAccount {
  readonly audit: EpochAccount
  readonly drives: readonly DriveAccount[]
  readonly updates: readonly UpdateStep[]
}

class Tally {
  anomalies: Anomaly[] = []
  faultUs: number | undefined
  firstUs = Number.POSITIVE_INFINITY
}

export interface Account {
  readonly vehicles: ReadonlyMap<string, VehicleAccount>
  readonly records: number
  readonly bytes: number
}

/** A vehicle's outbox when the story ended: its epoch, and the last `seq` after each drive. */
export interface Produced {
  readonly epoch: string
  readonly lastSeqs: readonly number[]
}

/**
 * Reads all topics back from their first offset and accounts for every record.
 * @param produced for each vehicle what its outbox gave out
 */
export async function takeAccount(
  brokers: readonly string[],
  produced: ReadonlyMap<string, Produced>,
  onProgress: (records: number) => void,
): Promise<Account> {
  const audit = new Audit()
  for (const [vehicle, { epoch, lastSeqs }] of produced) {
    audit.expect(vehicle, epoch, lastSeqs.at(-1) ?? 0)
  }
  const told = new Map(
    [...produced].map(([name, { lastSeqs }]) => [
      name,
      { lastSeqs, tallies: lastSeqs.map(() => new Tally()), updates: [] as UpdateStep[] },
    ]),
  )
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
        const of = told.get(identity.vehicle)
        // Drives follow each other in `seq` as they did in time.
        const drive = of?.lastSeqs.findIndex((last) => identity.seq <= last) ?? -1
        if (of && drive >= 0) look(record, of.tallies[drive], of.updates)
      }
      onProgress(records)
    }
  }
  const vehicles = new Map<string, VehicleAccount>()
  for (const epoch of audit.report()) {
    const of = told.get(epoch.vehicle)
    vehicles.set(epoch.vehicle, {
      audit: epoch,
      drives: of?.tallies ?? [],
      updates: of?.updates ?? [],
    })
  }
  return { vehicles, records, bytes }
}

function look(record: HistoryRecord, tally: Tally, updates: UpdateStep[]): void {
  const type = record.header('ce_type')?.toString()
  if (type === 'milepost.inference.v1') {
    const { event, timeUs, bundleHash } = JSON.parse(record.value!.toString())
    if (event === 'begin') tally.anomalies.push({ timeUs, bundle: bundleHash })
  } else if (type === UPDATE_TYPE) {
    updates.push(JSON.parse(record.value!.toString()))
  } else if (type === 'milepost.snapshot.v1') {
    const { timeUs, signals } = JSON.parse(record.value!.toString())
    tally.firstUs = Math.min(tally.firstUs, timeUs)
    if (signals[TRUTH]) tally.faultUs = Math.min(tally.faultUs ?? timeUs, timeUs)
  }
}
