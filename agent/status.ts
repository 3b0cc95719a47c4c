import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SignalCatalog } from '../sensors/reading.ts'
import type { ClockState } from '../sync/record.ts'
import type { RelayStatus } from '../sync/relay/status.ts'
import type { SyncStatus } from '../sync/sync-thread.ts'
import type { BusStatus } from './channels.ts'
import type { Latest } from './collection/latest.ts'
import type { FaultStatus } from './fence.ts'
import type { ModelStatus } from './models.ts'
import { PACKAGE_ROOT } from './package-root.ts'
import type { SensorStatus } from './supervisor/sensor-status.ts'
import type { Voucher } from './time/clock-trust.ts'

/** Version of milepost, from package.json. */
export const VERSION: string = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'),
).version

/** The latest reading of every signal that was seen. */
export function signalsOf(catalog: SignalCatalog, { value, timeUs }: Latest): SignalNow[] {
  return catalog
    .all()
    .filter(({ index }) => timeUs[index] > 0)
    .map(({ index, name, unit }) => ({ name, unit, value: value[index], timeUs: timeUs[index] }))
}

/** What became of the frames. */
export interface DecodeStatus {
  readonly frames: number
  readonly decoded: number
  /** Error and remote frames. */
  readonly skipped: number
  /** Frames of which no DBC file knows the id. */
  readonly unknown: number
  /** Frames too short for the signals that their message has. */
  readonly short: number
  /** Signals that were no value: J1939's "not available" and "error", and beyond the file's range. */
  readonly noValues: {
    readonly notAvailable: number
    readonly errors: number
    readonly outOfRange: number
  }
  /** DBC files that were refused and skipped, as the config allowed. */
  readonly skippedFiles: readonly string[]
}

/** The latest reading of one signal. */
export interface SignalNow {
  readonly name: string
  readonly unit: string
  readonly value: number
  readonly timeUs: number
}

/** What `milepost status --json` prints. */
export interface AgentStatus {
  readonly vehicle: string
  readonly version: string
  readonly pid: number
  readonly state: 'running' | 'stopping'
  readonly startedUs: number
  readonly nowUs: number
  readonly clock: ClockState
  /** Who vouches for the clock; absent where nobody does. */
  readonly clockBy?: Voucher
  /** UTC as a sensor's device told it last, and our monotonic time at that moment. */
  readonly timeSeen?: { readonly sensor: string; readonly utcUs: number; readonly monoUs: number }
  readonly sensors: readonly SensorStatus[]
  readonly buses: readonly BusStatus[]
  readonly decode: DecodeStatus | undefined
  /** Names that readings have, and how often one more was refused because there are too many. */
  readonly signals: { readonly known: number; readonly refused: number }
  readonly readings: number
  readonly records: number
  readonly models: readonly ModelStatus[]
  readonly sync: SyncStatus | undefined
  /** Where this agent relays other vehicles' records. */
  readonly relay: RelayStatus | undefined
  /** What the other parts of the agent say of themselves, by name. */
  readonly parts: Readonly<Record<string, unknown>>
  /** Parts that threw where nothing may throw, and how often; the agent went on. */
  readonly faults: readonly FaultStatus[]
  readonly memoryBytes: number
}
