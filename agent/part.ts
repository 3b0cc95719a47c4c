import type { DatabaseSet } from '../sensors/dbc/database-set.ts'
import type { SignalCatalog } from '../sensors/reading.ts'
import type { Clock } from '../sensors/sensor.ts'
import type { Lane } from '../sync/record.ts'
import type { Sync } from '../sync/sync-thread.ts'
import type { Api } from './api/api.ts'
import type { BusChannel } from './channels.ts'
import type { LoadedConfig } from './config/load.ts'
import type { Caught } from './fence.ts'
import type { Logger } from './log.ts'
import type { Models } from './models.ts'
import type { AgentStatus, SignalNow } from './status.ts'
import type { Taps } from './taps.ts'
import type { ClockTrust } from './time/clock-trust.ts'
import type { CodeReader } from './trouble-codes/code-reader.ts'
import type { Planned } from './updates/with-releases.ts'

/**
 * Something that the agent does besides reading, scoring and sending. It is started once the outbox is
 * open and before the first sensor is, and stopped after the last one, while the outbox still takes
 * records.
 */
export interface Part {
  /** Its name in `status`, in the log and where it fails: one word. */
  readonly name: string
  /** What `status` shows of it under `parts.<name>`, ready for JSON. Called often: it must not wait. */
  status?(): unknown
  /** Every sensor has been started: the agent does its work from here on. */
  started?(): void
  /** Lets go of everything; given ten seconds. What it throws is logged, the others are stopped. */
  stop(): Promise<void> | void
}

/** All that a part may touch. */
export interface PartContext {
  readonly config: LoadedConfig
  readonly clock: Clock
  readonly clockTrust: ClockTrust
  readonly log: Logger
  /** Exists, and belongs to this agent alone. */
  readonly dataDir: string
  readonly catalog: SignalCatalog
  readonly sync: Sync
  /** Where frames, readings, inferences, records and states can be watched. */
  readonly taps: Taps
  /** Where a part adds the operations that people and programs may call. */
  readonly api: Api
  status(): AgentStatus
  /** The latest reading of every signal seen so far. */
  signals(): SignalNow[]
  /** The models at work; undefined until they are loaded, which is before `started`. */
  models(): Models | undefined
  /** What the start made of the releases that are held; `config` is with them. */
  readonly planned: Planned
  /** Keeps one record; never waits and never throws. `content` is JSON. */
  keep(lane: Lane, type: string, timeUs: number, content: Record<string, unknown>): void
  /** Takes an error that must go no further; it is counted under `cause` and shown in `status`. */
  readonly caught: Caught
  /** Names of the buses by their number in a frame, and what their DBC files describe. */
  busName(index: number): string
  databases(bus: number): DatabaseSet | undefined
  /** A bus by name, to ask and answer on; what may be sent is the config's to say. */
  channel(bus: string): BusChannel
  /** Asks a sensor for something out of turn; false: there is no such sensor, or it cannot now. */
  fetch(sensor: string, what: string): boolean
  /** The sensors that read trouble codes. */
  codeReaders(): readonly CodeReader[]
}

/**
 * Makes a part, or answers undefined where the config asks for none. What it throws ends the start of
 * the agent, so a part throws only what the operator must mend first.
 */
export type StartPart = (context: PartContext) => Part | undefined | Promise<Part | undefined>
