import { SyncError } from '../errors.ts'
import { type ClockState, LANES, type Lane, type Origin, type StoredRecord } from '../record.ts'
import type { Positions } from '../uplink.ts'

/** First level of every topic, where the config names no other. */
export const DEFAULT_PREFIX = 'milepost'

/**
 * Topics between vehicles and a depot's relay. The vehicle stands in each of them, so that a broker's
 * access list can hold every vehicle to its own (`pattern write milepost/records/%u/+`).
 */
export const topicsOf = (prefix: string, vehicle: string) => ({
  /** One record for each message, QoS 1, never retained, never expiring. */
  records: (lane: Lane) => `${prefix}/records/${vehicle}/${lane}`,
  /** The vehicle asks how far the relay got. */
  ask: `${prefix}/ask/${vehicle}`,
  /** The relay tells how far it has records for good. */
  position: `${prefix}/position/${vehicle}`,
})

/** What a relay listens to. */
export const filtersOf = (prefix: string) => [`${prefix}/records/+/+`, `${prefix}/ask/+`]

/** The kind of a topic, its vehicle and its lane; undefined where it is none of ours. */
export function readTopic(
  prefix: string,
  topic: string,
): { kind: 'records'; vehicle: string; lane: Lane } | { kind: 'ask'; vehicle: string } | undefined {
  if (!topic.startsWith(prefix) || topic[prefix.length] !== '/') return undefined
  const vehicleAt = topic.indexOf('/', prefix.length + 1) + 1
  const kind = topic.slice(prefix.length + 1, vehicleAt - 1)
  const laneAt = topic.indexOf('/', vehicleAt) + 1
  if (kind === 'ask' && laneAt === 0 && vehicleAt > 0 && vehicleAt < topic.length) {
    return { kind, vehicle: topic.slice(vehicleAt) }
  }
  if (kind !== 'records' || laneAt <= vehicleAt + 1) return undefined
  const lane = topic.slice(laneAt) as Lane
  if (!LANES.includes(lane)) return undefined
  return { kind, vehicle: topic.slice(vehicleAt, laneAt - 1), lane }
}

/** A vehicle is one level of a topic (MQTT 5, 4.7): without its wildcards and separator. */
export function requireTopicLevel(vehicle: string): void {
  if (vehicle !== '' && !/[+#/\0]/.test(vehicle) && !vehicle.startsWith('$')) return
  throw new SyncError('UPLINK_DENIED', `"${vehicle}" cannot be part of an MQTT topic`, {
    hint: 'Give the vehicle a name without +, #, / and a leading $.',
  })
}

/** A record as it travels, with what only this way needs. */
export interface Travelling {
  readonly origin: Origin
  readonly record: StoredRecord
  /**
   * The record that this sender gave to this lane before, or the position that it began from: between
   * `after` and `seq` the sender has nothing more. A relay that is not yet at `after` has missed some.
   */
  readonly after: number
  /** Names the connection that it was sent on. */
  readonly run: string
}

/**
 * User properties (MQTT 5, 3.3.2.3.7) of a record: its identity as Kafka has it in `ce_id`, and the
 * rest in one text. A property for each would cost the broker a third more for every message.
 */
export function propertiesOf({ origin, record, after, run }: Travelling): Record<string, string> {
  const { seq, prev, timeUs, monoUs, clock, type, bootId } = record
  return {
    id: `${origin.vehicle}/${origin.epoch}/${seq}`,
    mp: `${prev} ${after} ${timeUs} ${monoUs} ${clock} ${word(type)} ${word(bootId)} ${word(run)}`,
  }
}

/** A word without the space that parts it from the next. */
const word = (text: string): string => (/[^!-$&-~]/.test(text) ? encodeURIComponent(text) : text)

/** Bytes that a message takes beside topic and payload, rounded up. */
export const PROPERTIES_BYTES = 4096

const CLOCKS: ReadonlySet<string> = new Set<ClockState>(['synced', 'repaired', 'unsynced'])
const MAX_WORD_CHARS = 256
/** Of the property `mp`, and one more than that: what follows is no part of it. */
const MAX_WORDS = 9

/** A message as a relay receives it. */
export interface Received {
  readonly topic: string
  readonly payload: Uint8Array
  readonly contentType: string
  readonly user: Readonly<Record<string, string | undefined>>
}

/** Reads a record back; a text says what is wrong with it. */
export function readRecord(
  { payload, contentType, user }: Received,
  { vehicle, lane }: { vehicle: string; lane: Lane },
): Travelling | string {
  const { id = '', mp = '' } = user
  if (!id.startsWith(vehicle) || id[vehicle.length] !== '/') return 'topic and identity differ'
  const seqAt = id.lastIndexOf('/') + 1
  const epoch = id.slice(vehicle.length + 1, Math.max(vehicle.length + 1, seqAt - 1))
  const words = mp.split(' ', MAX_WORDS)
  if (words.length !== MAX_WORDS - 1) return 'a property is missing'
  const [type, bootId, run] = [unword(words[5]), unword(words[6]), unword(words[7])]
  if (!(isWord(epoch) && isWord(type) && isWord(bootId) && isWord(run))) {
    return 'a property is empty or too long'
  }
  const clock = words[4]
  if (!CLOCKS.has(clock)) return 'no such clock state'
  const seq = whole(id.slice(seqAt))
  const prev = whole(words[0])
  const after = whole(words[1])
  if (!(seq > 0 && prev >= 0 && prev < seq && after >= 0 && after < seq)) return 'no such sequence'
  const timeUs = whole(words[2])
  const monoUs = whole(words[3])
  if (Number.isNaN(timeUs) || Number.isNaN(monoUs)) return 'no such time'
  return {
    origin: { vehicle, epoch },
    record: {
      lane,
      seq,
      prev,
      type,
      timeUs,
      monoUs,
      bootId,
      clock: clock as ClockState,
      contentType,
      payload,
    },
    after,
    run,
  }
}

const isWord = (text: string): boolean => text.length > 0 && text.length <= MAX_WORD_CHARS

/** Empty where it is no word of ours. */
function unword(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

/** NaN for anything but a whole number that is exact. */
function whole(text: string | undefined): number {
  if (!text) return Number.NaN
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : Number.NaN
}

/** The vehicle's question. */
export interface Ask {
  readonly epoch: string
  readonly run: string
}

/** What the relay tells one vehicle. */
export interface Told {
  readonly epoch: string
  /** Kept for good. */
  readonly positions: Positions
  /**
   * With an answer: of the record at each position, as `tipOf` has it, so that a copy of an outbox that
   * went on by itself is found out. A lane is absent where it is not known; all are from an older relay.
   */
  readonly tips?: Partial<Record<Lane, string>>
  /** The `run` whose ask this answers. */
  readonly answers?: string
  /** The `run` of which records came though earlier ones had not: they have to be sent again. */
  readonly refused?: string
  /** A record that no relay will ever take, and why. */
  readonly rejected?: { readonly run: string; readonly reason: string }
  /** The relay takes no larger payload. */
  readonly maxRecordBytes: number
}

/** Parses an ask or what was told; undefined where it is neither. */
export function readJson<T extends { epoch: string }>(payload: Uint8Array): T | undefined {
  try {
    const value = JSON.parse(Buffer.from(payload).toString('utf8')) as T
    return typeof value?.epoch === 'string' && value.epoch.length <= MAX_WORD_CHARS
      ? value
      : undefined
  } catch {
    return undefined
  }
}
