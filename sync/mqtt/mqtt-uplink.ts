import { randomBytes } from 'node:crypto'
import type { IClientOptions, MqttClient } from 'mqtt'
import { SyncError } from '../errors.ts'
import { LANES, type Origin, type StoredRecord } from '../record.ts'
import type { Positions, Uplink } from '../uplink.ts'
import {
  DEFAULT_CONNECT_TIMEOUT_MS,
  DEFAULT_KEEP_ALIVE_SEC,
  type MqttConnection,
  readCredentials,
} from './connection.ts'
import { mqttFailure, reasonFailure } from './failure.ts'
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

const DEFAULT_MAX_INFLIGHT = 100
const DEFAULT_OPEN_TIMEOUT_MS = 20_000
const DEFAULT_SEND_TIMEOUT_MS = 30_000
const CLOSE_TIMEOUT_MS = 1_000
const ASK_EVERY_MS = 2_000
/** An ask that waits longer at the broker is asked again anyway. */
const ASK_EXPIRY_SEC = 10
const FIRST_REFUSAL = 0x80
/** The broker took the message, but nobody is there to receive it (MQTT 5, 3.4.2.1). */
const NO_MATCHING_SUBSCRIBERS = 0x10

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
  #client: MqttClient | undefined
  #origin: Origin | undefined
  #maxInflight: number
  #maxPacketBytes = Infinity
  #maxRecordBytes = Infinity
  /** What the relay has, and what was given to the broker. */
  #positions: Positions | undefined
  #sent: Positions = { critical: 0, events: 0, telemetry: 0 }
  #inflight = 0
  #failure: SyncError | undefined
  #wake: () => void = () => {}

  constructor(config: MqttUplinkConfig) {
    this.#config = config
    this.#maxInflight = config.maxInflight ?? DEFAULT_MAX_INFLIGHT
  }

  async open(origin: Origin): Promise<Positions> {
    requireTopicLevel(origin.vehicle)
    this.#origin = origin
    const limitMs = this.#config.openTimeoutMs ?? DEFAULT_OPEN_TIMEOUT_MS
    const endMs = performance.now() + limitMs
    const { url } = this.#config
    try {
      const options = await this.#options(origin)
      // Loaded only here, so that a gateway without MQTT does not carry it.
      const { default: library } = await import('mqtt')
      this.#client = library.connect(url, options)
      this.#listen(this.#client, origin)
      await this.#until(() => this.#client!.connected, endMs, 'The broker does not answer')
      await this.#subscribe(this.#client, endMs)
      await this.#askUntilAnswered(endMs)
    } catch (error) {
      throw this.#failure ?? mqttFailure(url, error, `Connecting to ${new URL(url).host}`)
    }
    this.#sent = { ...this.#positions! }
    return { ...this.#positions! }
  }

  async #subscribe(client: MqttClient, endMs: number): Promise<void> {
    const { position } = this.#topics
    let done = false
    client.subscribe(position, { qos: 0 }, (error, granted) => {
      done = true
      const refusal = granted?.find(({ qos }) => qos >= FIRST_REFUSAL)?.qos
      if (refusal) this.#failure ??= reasonFailure(this.#config.url, refusal, `Reading ${position}`)
      else if (error) this.#failure ??= mqttFailure(this.#config.url, error, `Reading ${position}`)
      this.#wake()
    })
    await this.#until(() => done, endMs, 'The broker does not answer')
    if (this.#failure) throw this.#failure
  }

  async #askUntilAnswered(endMs: number): Promise<void> {
    const ask: Ask = { epoch: this.#origin!.epoch, run: this.#run }
    while (!this.#positions) {
      this.#publish(this.#topics.ask, JSON.stringify(ask), {
        messageExpiryInterval: ASK_EXPIRY_SEC,
      })
      const untilMs = Math.min(endMs, performance.now() + ASK_EVERY_MS)
      await this.#until(() => this.#positions !== undefined, untilMs).catch((error) => {
        if (this.#failure || performance.now() >= endMs) throw error
      })
    }
  }

  async send(records: readonly StoredRecord[]): Promise<void> {
    const origin = this.#origin
    if (!origin || !this.#positions) throw new SyncError('UPLINK_OFFLINE', 'The uplink is not open')
    for (const record of records) this.#requireSize(record)
    const limitMs = this.#config.sendTimeoutMs ?? DEFAULT_SEND_TIMEOUT_MS
    const late = 'The relay does not confirm what was sent'
    let endMs = performance.now() + limitMs
    for (const record of records) {
      const room = () => this.#inflight < this.#maxInflight
      if (!room()) await this.#until(room, endMs, 'The broker acknowledges nothing')
      if (this.#failure) throw this.#failure
      const { lane, seq, contentType, payload } = record
      const travelling = { origin, record, after: this.#sent[lane], run: this.#run }
      this.#publish(this.#topics.records(lane), payload, {
        contentType,
        userProperties: propertiesOf(travelling),
      })
      this.#sent[lane] = seq
    }
    const wanted = { ...this.#sent }
    for (;;) {
      const before = sum(this.#positions)
      if (reached(this.#positions, wanted)) return
      const further = () => sum(this.#positions!) > before
      await this.#until(further, endMs, late)
      endMs = performance.now() + limitMs
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#failure ??= new SyncError('UPLINK_OFFLINE', 'The uplink was closed')
    this.#wake()
    if (!client) return
    let timer: NodeJS.Timeout | undefined
    const slow = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
    })
    // Not gracefully: that waits for acknowledgements which may never come.
    if (client.connected) await Promise.race([client.endAsync(true).catch(() => {}), slow])
    else client.end(true)
    clearTimeout(timer)
  }

  get #topics() {
    return topicsOf(this.#config.prefix ?? DEFAULT_PREFIX, this.#origin!.vehicle)
  }

  async #options({ vehicle }: Origin): Promise<IClientOptions> {
    const { keepAliveSec, connectTimeoutMs } = this.#config
    return {
      ...(await readCredentials(this.#config)),
      protocolVersion: 5,
      // The outbox is the session: after a loss it is the relay's position that tells what to send.
      clean: true,
      // One identity, one connection: the broker ends the older one, which is told so.
      clientId: `milepost-${vehicle}`,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: keepAliveSec ?? DEFAULT_KEEP_ALIVE_SEC,
      connectTimeout: connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    }
  }

  #listen(client: MqttClient, { epoch }: Origin): void {
    client.on('connect', ({ properties }) => {
      this.#maxInflight = Math.min(this.#maxInflight, properties?.receiveMaximum ?? Infinity)
      this.#maxPacketBytes = properties?.maximumPacketSize ?? Infinity
      this.#wake()
    })
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'disconnect') {
        this.#fail(reasonFailure(this.#config.url, packet.reasonCode ?? 0, 'Disconnected'))
      } else if (packet.cmd === 'puback' && packet.reasonCode === NO_MATCHING_SUBSCRIBERS) {
        this.#fail(
          new SyncError('UPLINK_OFFLINE', 'No relay listens at this broker', {
            hint: 'Start the depot’s relay, and check that it has the same prefix and may subscribe.',
          }),
        )
      }
    })
    client.on('error', (error) => this.#fail(error))
    client.on('close', () => this.#fail(new Error('the connection was closed')))
    client.on('message', (_topic, payload) => {
      const told = readJson<Told>(payload)
      if (told?.epoch === epoch) this.#told(told)
    })
  }

  #fail(error: unknown, doing = `Broker ${new URL(this.#config.url).host}`): void {
    this.#failure ??= mqttFailure(this.#config.url, error, doing)
    this.#wake()
  }

  #told({ positions, answers, refused, rejected, maxRecordBytes }: Told): void {
    if (answers === this.#run) this.#positions ??= { ...positions }
    if (!this.#positions) return
    this.#maxRecordBytes = maxRecordBytes
    for (const lane of LANES) {
      // What was told may overtake what was told before: a position only ever grows.
      this.#positions[lane] = Math.max(this.#positions[lane], positions[lane])
    }
    if (rejected?.run === this.#run) {
      this.#failure ??= new SyncError('UPLINK_REJECTED', `The relay refuses: ${rejected.reason}`, {
        hint: 'Look at the relay’s status: a bound on vehicles or record size, or a record that is none.',
      })
    } else if (refused === this.#run) {
      this.#failure ??= new SyncError('UPLINK_OFFLINE', 'Records were lost on the way', {
        hint: 'They are sent again. If it goes on: raise max_queued_messages of the broker.',
      })
    }
    this.#wake()
  }

  #publish(topic: string, payload: string | Uint8Array, properties: object): void {
    this.#inflight++
    const bytes =
      typeof payload === 'string'
        ? payload
        : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    this.#client!.publish(topic, bytes, { qos: 1, properties }, (error) => {
      this.#inflight--
      if (error) this.#fail(error, `Publishing to ${topic}`)
      this.#wake()
    })
  }

  #requireSize({ lane, seq, payload }: StoredRecord): void {
    const most = Math.min(this.#maxRecordBytes, this.#maxPacketBytes - PROPERTIES_BYTES)
    if (payload.length <= most) return
    throw new SyncError(
      'UPLINK_REJECTED',
      `Record ${seq} of lane ${lane} has ${payload.length} bytes, the way to the relay takes ${most}`,
      { hint: 'Make such records smaller, or raise the limits of broker and relay.' },
    )
  }

  /** Waits for a condition that a message or an acknowledgement brings about. */
  async #until(condition: () => boolean, endMs: number, late = 'The relay does not answer') {
    while (!condition()) {
      if (this.#failure) throw this.#failure
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) {
        throw new SyncError('UPLINK_OFFLINE', late, {
          hint: 'Check that the depot’s relay runs, is on the same broker, and has room.',
        })
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
}

function sum(positions: Positions): number {
  return LANES.reduce((total, lane) => total + positions[lane], 0)
}

function reached(positions: Positions, wanted: Positions): boolean {
  return LANES.every((lane) => positions[lane] >= wanted[lane])
}
