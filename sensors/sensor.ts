import type { ZodType } from 'zod'
import type { FrameChannel, FrameSender, WantedIds } from './can/channel.ts'
import type { FrameBatch } from './frame.ts'
import type { ReadingBatch, SignalCatalog } from './reading.ts'

/** Where time comes from, handed in so that a test can stop it. */
export interface Clock {
  /** Wall time, microseconds since the epoch. May jump. */
  nowUs(): number
  /** Microseconds since some fixed instant of this boot. Never jumps, never goes back. */
  monoUs(): number
}

/**
 * Why something that was there to be read did not become a frame or a reading. `incomplete`: a message
 * of several frames broke off.
 */
export const DROP_CAUSES = [
  'kernel_overflow',
  'queue_full',
  'parse_error',
  'interface_down',
  'incomplete',
] as const
export type DropCause = (typeof DROP_CAUSES)[number]

/** All that a sensor may touch. */
export interface SensorContext {
  /** The sensor's name in the config, unique in the agent. */
  readonly id: string
  /** What to write into `FrameBatch.bus`. */
  readonly bus: number
  readonly catalog: SignalCatalog
  readonly clock: Clock
  /** To be called once the device is open and data can flow; the sensor is then `live`. */
  opened(): void
  /** Hands frames over. Returns when they have been copied or decoded: the batch may be refilled. */
  frames(batch: FrameBatch): void
  /** Hands readings over, under the same rule. */
  readings(batch: ReadingBatch): void
  /**
   * Tells of something that is no number: a trouble code, an identification, an ECU gone silent. It
   * becomes one record of CloudEvents `type` on the lane `events`; `content` is JSON. For what is
   * rare: a sensor tells a change, not a state again and again.
   */
  event(type: string, content: Record<string, unknown>, timeUs?: number): void
  /**
   * Offers the time of day of a better clock than ours, such as a satellite receiver's.
   * @param utcUs UTC, microseconds since the epoch
   * @param monoUs our monotonic time when it arrived, some tenths of a second after it was true
   */
  timeSeen(utcUs: number, monoUs: number): void
  /** Counts what was lost. Every loss is told here or it is a bug. */
  dropped(cause: DropCause, count: number): void
  /** States and counters of the device itself, shown in `status`; each call replaces the last. */
  device(facts: Readonly<Record<string, number | string>>): void
  /** The bus of this sensor, for those who ask and answer on it. */
  readonly channel: FrameChannel
  /** Which frames of its bus anybody wants, for devices that can filter. */
  readonly wanted: WantedIds
  /**
   * A sensor that owns a bus and can send on it says so while it is open; the returned function takes
   * it back. Identifiers were checked against the config before `sender` is called.
   */
  offerSending(sender: FrameSender): () => void
}

/**
 * A source of frames or readings. A sensor only reads: retries, backoff, time-outs and start-up
 * policy are the supervisor's.
 */
export interface Sensor {
  /**
   * Opens the device and delivers until the source is exhausted or `signal` aborts; resolves then,
   * with everything it opened closed. Rejects with a `SensorError` when the device cannot be opened
   * or is lost. May be called again after it settled.
   */
  run(context: SensorContext, signal: AbortSignal): Promise<void>
  /**
   * Asks for something once, out of turn and soon; the answer comes as readings or events. What can
   * be asked, and how it is written, is the sensor's own (`01 0C` of an OBD sensor). False: it knows
   * no such thing, or has as much to ask already as it may. Never throws, never waits.
   */
  fetch?(what: string): boolean
  /** Trouble codes that are known now, of a sensor that reads them; those of the last run otherwise. */
  codes?(): readonly TroubleCode[]
  /**
   * Clears the trouble codes of every ECU, with all that belongs to them, and reads what is left.
   * @returns what each ECU answered by its name: `positive`, `negative`, `silent`, `broken`
   * @throws SensorError SEND_DENIED: the config does not allow it; DEVICE_LOST: nobody is there
   */
  clearCodes?(): Promise<Readonly<Record<string, string>>>
}

/** A trouble code as a sensor knows it. */
export interface TroubleCode {
  readonly ecu: string
  /** `P0301`, `P0301-16`, `SPN 110 FMI 0`. */
  readonly code: string
  /** Words of the standard: `stored`, `pending`, `permanent`, `confirmed`, … */
  readonly status: readonly string[]
  /** Microseconds since the epoch, counted from the start of the sensor. */
  readonly firstSeenUs: number
  readonly lastSeenUs: number
  /** More of the same: status byte, occurrences, lamps. */
  readonly details?: Readonly<Record<string, unknown>>
  /** Values of the moment in which it came, by name. */
  readonly freezeFrame?: Readonly<Record<string, unknown>>
}

/** Why something is not asked, and what would be. */
export interface CannotAsk {
  readonly reason: string
  /** Words that a mistyped one may have meant. */
  readonly known: readonly string[]
}

/** One line of the registry: how a kind of sensor is configured and made. */
export interface SensorKind<Config = unknown> {
  /** The word after `kind:` in the config. */
  readonly kind: string
  /** Checks and completes this sensor's part of the config. */
  readonly config: ZodType<Config>
  /** Keys of the config that name files, as dotted paths (`tls.ca`), besides `file` and `dbc`. */
  readonly paths?: readonly string[]
  /** Its device talks by itself: where it falls silent against its own rhythm, it is opened again. */
  readonly rhythmic?: boolean
  /**
   * Why `fetch(what)` of a sensor with this config can never be answered, whatever vehicle it meets;
   * undefined where it may be. Left out: this kind knows nothing that could be asked.
   */
  cannotAsk?(config: Config, what: string): CannotAsk | undefined
  /** Makes a sensor; touches no device yet. Paths in `config` are already absolute. */
  create(config: Config): Sensor
}
