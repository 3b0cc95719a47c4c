import type { IClientOptions, MqttClient } from 'mqtt'
import { SyncError } from '../errors.ts'
import {
  DEFAULT_CONNECT_TIMEOUT_MS,
  DEFAULT_KEEP_ALIVE_SEC,
  type MqttConnection,
  readCredentials,
} from './connection.ts'
import { mqttFailure, reasonFailure } from './failure.ts'

const DEFAULT_MAX_INFLIGHT = 100
const CLOSE_TIMEOUT_MS = 1_000
const FIRST_REFUSAL = 0x80
/** The broker took the message, but nobody is there to receive it (MQTT 5, 3.4.2.1). */
const NO_MATCHING_SUBSCRIBERS = 0x10

/**
 * One connection of a vehicle to a broker (mqtt.js): its first failure is the one that counts, and
 * ends every wait.
 */
export class VehicleLink {
  readonly #config: MqttConnection
  readonly #vehicle: string
  #client: MqttClient | undefined
  #maxInflight: number
  #inflight = 0
  #wake: () => void = () => {}
  /** Bytes of a whole packet that the broker takes. */
  maxPacketBytes = Infinity
  failure: SyncError | undefined

  constructor(config: MqttConnection & { maxInflight?: number }, vehicle: string) {
    this.#config = config
    this.#vehicle = vehicle
    this.#maxInflight = config.maxInflight ?? DEFAULT_MAX_INFLIGHT
  }

  /** Whether the broker would acknowledge one more message before it has all others. */
  get room(): boolean {
    return this.#inflight < this.#maxInflight
  }

  /** Connects and subscribes a topic, whose messages go to `received`. Rejects with a `SyncError`. */
  async open(topic: string, received: (payload: Buffer) => void, endMs: number): Promise<void> {
    const { url } = this.#config
    const late = 'The broker does not answer'
    const options = await this.#options()
    // Loaded only here, so that a gateway without MQTT does not carry it.
    const { default: library } = await import('mqtt')
    const client = library.connect(url, options)
    this.#client = client
    this.#listen(client)
    client.on('message', (_topic, payload) => {
      received(payload)
      this.#wake()
    })
    await this.until(() => client.connected, endMs, late)
    let done = false
    client.subscribe(topic, { qos: 0 }, (error, granted) => {
      done = true
      const refusal = granted?.find(({ qos }) => qos >= FIRST_REFUSAL)?.qos
      if (refusal) this.fail(reasonFailure(url, refusal, `Reading ${topic}`))
      else if (error) this.fail(error, `Reading ${topic}`)
      this.#wake()
    })
    await this.until(() => done, endMs, late)
    if (this.failure) throw this.failure
  }

  /** Publishes with QoS 1; a failure ends the link. */
  publish(topic: string, payload: string | Uint8Array, properties: object): void {
    this.#inflight++
    const bytes =
      typeof payload === 'string'
        ? payload
        : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    this.#client!.publish(topic, bytes, { qos: 1, properties }, (error) => {
      this.#inflight--
      if (error) this.fail(error, `Publishing to ${topic}`)
      this.#wake()
    })
  }

  fail(error: unknown, doing = `Broker ${new URL(this.#config.url).host}`): void {
    this.failure ??= mqttFailure(this.#config.url, error, doing)
    this.#wake()
  }

  /** Waits for a condition that a message or an acknowledgement brings about. */
  async until(condition: () => boolean, endMs: number, late = 'The relay does not answer') {
    while (!condition()) {
      if (this.failure) throw this.failure
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

  async close(): Promise<void> {
    const client = this.#client
    this.fail(new SyncError('UPLINK_OFFLINE', 'The uplink was closed'))
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

  async #options(): Promise<IClientOptions> {
    const { keepAliveSec, connectTimeoutMs } = this.#config
    return {
      ...(await readCredentials(this.#config)),
      protocolVersion: 5,
      // The outbox is the session: after a loss it is the relay's position that tells what to send.
      clean: true,
      // One identity, one connection: the broker ends the older one, which is told so.
      clientId: `milepost-${this.#vehicle}`,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: keepAliveSec ?? DEFAULT_KEEP_ALIVE_SEC,
      connectTimeout: connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    }
  }

  #listen(client: MqttClient): void {
    client.on('connect', ({ properties }) => {
      this.#maxInflight = Math.min(this.#maxInflight, properties?.receiveMaximum ?? Infinity)
      this.maxPacketBytes = properties?.maximumPacketSize ?? Infinity
      this.#wake()
    })
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'disconnect') {
        this.fail(reasonFailure(this.#config.url, packet.reasonCode ?? 0, 'Disconnected'))
      } else if (packet.cmd === 'puback' && packet.reasonCode === NO_MATCHING_SUBSCRIBERS) {
        this.fail(
          new SyncError('UPLINK_OFFLINE', 'No relay listens at this broker', {
            hint: 'Start the depot’s relay, and check that it has the same prefix and may subscribe.',
          }),
        )
      }
    })
    client.on('error', (error) => this.fail(error))
    client.on('close', () => this.fail(new Error('the connection was closed')))
  }
}
