import { arch, cpus } from 'node:os'
import type { FleetOptions, FleetResult } from './fleet.ts'
import { type Limit, limitOf } from './limit.ts'

/** What a simulation came to. */
export interface FleetReport extends Limit {
  readonly machine: string
  readonly vehicles: number
  readonly connections: number
  readonly askedPerSec: number
  readonly records: number
  readonly inKafka: number
  readonly missing: number
  readonly duplicated: number
  readonly outOfOrder: number
  readonly balanced: boolean
  readonly killed: number
  /** Vehicles that had to send again; what they sent twice came to Kafka once. */
  readonly wentBack: number
  readonly confirmP50Ms: number
  readonly confirmP99Ms: number
  readonly confirmedSec: number
  readonly forwardedSec: number
  /** In the object store when the last record had been read back; absent where that is not ours. */
  readonly tieredSegments?: number
}

export function fleetReport(
  result: FleetResult,
  options: FleetOptions,
  tieredSegments?: number,
): FleetReport {
  const { epochs, records: inKafka } = result.account
  const sum = (of: 'missing' | 'duplicated' | 'outOfOrder') =>
    epochs.reduce((total, epoch) => total + epoch[of], 0)
  const { wentBack, confirmP50Ms, confirmP99Ms } = result.clients
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model ?? arch()}, Node.js ${process.version}`,
    ...{ vehicles: options.vehicles, connections: options.connections },
    ...{ askedPerSec: options.recordsPerSec, records: result.records, inKafka },
    ...{ missing: sum('missing'), duplicated: sum('duplicated'), outOfOrder: sum('outOfOrder') },
    balanced: result.account.balanced && inKafka === result.records,
    ...{ killed: result.killed, wentBack, confirmP50Ms, confirmP99Ms },
    ...{ confirmedSec: result.confirmedSec, forwardedSec: result.forwardedSec },
    ...(tieredSegments !== undefined && { tieredSegments }),
    ...limitOf(result, options.recordsPerSec),
  }
}
