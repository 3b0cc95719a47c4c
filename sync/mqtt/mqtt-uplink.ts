import { randomBytes } from 'node:crypto'
import { SyncError } from '../errors.ts'
import { LANES, type Lane, noneByLane, type Origin, type StoredRecord } from '../record.ts'
import type { Positions, Uplink } from '../uplink.ts'
import type { MqttConnection } from './connection.ts'
import { mqttFailure } from './failure.ts'
import { VehicleLink } from './vehicle-link.ts'
import {
  type Ask,
  DEFAULT_PREFIX,
  PROPERTIES_BYTES,
  propertiesOf,
  readJson,
  requireTopicLevel,
  type Told,
  topicsOf,
} from './wire.ts'

export interface MqttUplinkConfig extends MqttConnection {
  /** Messages on their way that the broker has not acknowledged; it may ask for fewer. */
  readonly maxInflight?: number
  /** Longest time for the relay to answer the first question. */
  readonly openTimeoutMs?: number
  /** Longest time in which the relay confirms nothing though something is on its way. */
  readonly sendTimeoutMs?: number
}

const DEFAULT_OPEN_TIMEOUT_MS = 20_000
const DEFAULT_SEND_TIMEOUT_MS = 30_000
const ASK_EVERY_MS = 2_000
/** An ask that waits longer at the broker is asked again anyway. */
const ASK_EXPIRY_SEC = 10

/** An uplink to a depot's relay. Connects nothing until `open`. */
export function createMqttUplink(config: MqttUplinkConfig): Uplink {
  return new MqttUplink(config)
}

/**
 * What counts is what the relay confirms, not the broker: a broker acknowledges what it still holds in
 * memory, and drops what its queue has no room for.
 */
class MqttUplink implements Uplink {
  readonly #config: MqttUplinkConfig
  readonly #run = randomBytes(6).toString('hex')
  #link: VehicleLink | undefined
  #origin: Origin | undefined
  #maxRecordBytes = Infinity
  /** What the relay has, and what was given to the broker. */
  #positions: Positions | undefined
  #sent: Positions = noneByLane()
  /** What the first answer said: its tips belong to its positions, not to what was told since. */
  #answer: { positions: Positions; tips: ReadonlyMap<Lane, string> } | undefined

  constructor(config: MqttUplinkConfig) {
    this.#config = config
  }

  async open(origin: Origin): Promise<Positions> {
    requireTopicLevel(origin.vehicle)
    this.#origin = origin
    const link = new VehicleLink(this.#config, origin.vehicle)
    this.#link = link
    const limitMs = this.#config.openTimeoutMs ?? DEFAULT_OPEN_TIMEOUT_MS
    const endMs = performance.now() + limitMs
    const { url } = this.#config
    try {
      await link.open(this.#topics.position, (payload) => this.#received(payload), endMs)
      await this.#askUntilAnswered(link, endMs)
    } catch (error) {
      throw link.failure ?? mqttFailure(url, error, `Connecting to ${new URL(url).host}`)
    }
    const { positions } = this.#answer!
    this.#sent = { ...positions }
    return { ...positions }
  }

  async #askUntilAnswered(link: VehicleLink, endMs: number): Promise<void> {
    const ask: Ask = { epoch: this.#origin!.epoch, run: this.#run }
    while (!this.#answer) {
      link.publish(this.#topics.ask, JSON.stringify(ask), { messageExpiryInterval: ASK_EXPIRY_SEC })
      const untilMs = Math.min(endMs, performance.now() + ASK_EVERY_MS)
      await link
        .until(() => this.#answer !== undefined, untilMs)
        .catch((error) => {
          if (link.failure || performance.now() >= endMs) throw error
        })
    }
  }

  async send(records: readonly StoredRecord[]): Promise<void> {
    const origin = this.#origin
    const link = this.#link
    if (!origin || !link || !this.#positions) {
      throw new SyncError('UPLINK_OFFLINE', 'The uplink is not open')
    }
    for (const record of records) this.#requireSize(record, link.maxPacketBytes)
    const limitMs = this.#config.sendTimeoutMs ?? DEFAULT_SEND_TIMEOUT_MS
    let endMs = performance.now() + limitMs
    for (const record of records) {
      if (!link.room) {
        await link.until(() => link.room, endMs, 'The broker acknowledges nothing')
      }
      if (link.failure) throw link.failure
      const { lane, seq, contentType, payload } = record
      const travelling = { origin, record, after: this.#sent[lane], run: this.#run }
      link.publish(this.#topics.records(lane), payload, {
        contentType,
        userProperties: propertiesOf(travelling),
      })
      this.#sent[lane] = seq
    }
    const wanted = { ...this.#sent }
    while (!reached(this.#positions, wanted)) {
      const before = sum(this.#positions)
      const further = () => sum(this.#positions!) > before
      await link.until(further, endMs, 'The relay does not confirm what was sent')
      endMs = performance.now() + limitMs
    }
  }

  async close(): Promise<void> {
    await this.#link?.close()
  }

  get tips(): ReadonlyMap<Lane, string> | undefined {
    return this.#answer?.tips
  }

  get #topics() {
    return topicsOf(this.#config.prefix ?? DEFAULT_PREFIX, this.#origin!.vehicle)
  }

  #received(payload: Buffer): void {
    const told = readJson<Told>(payload)
    if (told?.epoch !== this.#origin!.epoch) return
    const { positions, answers, refused, rejected, maxRecordBytes } = told
    if (answers === this.#run && !this.#answer) {
      this.#answer = { positions: { ...positions }, tips: tipsIn(told) }
      this.#positions = { ...positions }
    }
    if (!this.#positions) return
    this.#maxRecordBytes = maxRecordBytes
    for (const lane of LANES) {
      // What was told may overtake what was told before: a position only ever grows.
      this.#positions[lane] = Math.max(this.#positions[lane], positions[lane])
    }
    if (rejected?.run === this.#run) {
      this.#link!.fail(
        new SyncError('UPLINK_REJECTED', `The relay refuses: ${rejected.reason}`, {
          hint: 'Look at the relay’s status: a bound on vehicles or record size, or a record that is none.',
        }),
      )
    } else if (refused === this.#run) {
      this.#link!.fail(
        new SyncError('UPLINK_OFFLINE', 'Records were lost on the way', {
          hint: 'They are sent again. If it goes on: raise max_queued_messages of the broker.',
        }),
      )
    }
  }

  #requireSize({ lane, seq, payload }: StoredRecord, maxPacketBytes: number): void {
    const most = Math.min(this.#maxRecordBytes, maxPacketBytes - PROPERTIES_BYTES)
    if (payload.length <= most) return
    throw new SyncError(
      'UPLINK_REJECTED',
      `Record ${seq} of lane ${lane} has ${payload.length} bytes, the way to the relay takes ${most}`,
      { hint: 'Make such records smaller, or raise the limits of broker and relay.' },
    )
  }
}

function tipsIn({ tips }: Told): Map<Lane, string> {
  return new Map(
    LANES.flatMap((lane) => {
      const tip = tips?.[lane]
      return typeof tip === 'string' && tip !== '' ? [[lane, tip] as const] : []
    }),
  )
}

function sum(positions: Positions): number {
  return LANES.reduce((total, lane) => total + positions[lane], 0)
}

function reached(positions: Positions, wanted: Positions): boolean {
  return LANES.every((lane) => positions[lane] >= wanted[lane])
}
