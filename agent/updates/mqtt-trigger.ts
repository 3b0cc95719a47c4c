import { createHash } from 'node:crypto'
import type { MqttClient } from 'mqtt'
import { type MqttConnection, readCredentials } from '../../sync/mqtt/connection.ts'
import { complaintOf } from '../error.ts'
import type { Logger } from '../log.ts'

/** Between two looks that messages ask for, so that a broker cannot keep a vehicle looking. */
const MIN_INTERVAL_MS = 60_000
const RECONNECT_MS = 15_000
/** Longest wait before credentials that cannot be read are tried again. */
const CREDENTIALS_RETRY_MS = 60_000

export interface MqttTriggerOptions {
  readonly connection: MqttConnection
  readonly topic: string
  readonly vehicle: string
  readonly minIntervalMs?: number
}

/**
 * Calls when a message comes on a topic, retained ones included: a vehicle that was away when it was
 * sent hears of it when it connects. What the message says is not believed; it is only compared with
 * the one before, so that a reconnect is no news.
 */
export class MqttTrigger {
  readonly #options: MqttTriggerOptions
  readonly #log: Logger
  readonly #call: () => void
  #client: MqttClient | undefined
  #retry: NodeJS.Timeout | undefined
  #later: NodeJS.Timeout | undefined
  #lastDigest = ''
  #lastCallMs = Number.NEGATIVE_INFINITY
  #stopped = false
  /** For `status`. */
  state: 'connecting' | 'live' | 'offline' = 'connecting'
  messages = 0

  constructor(options: MqttTriggerOptions, log: Logger, call: () => void) {
    this.#options = options
    this.#log = log
    this.#call = call
    void this.#open()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    clearTimeout(this.#later)
    await this.#client?.endAsync(true).catch(() => {})
  }

  async #open(): Promise<void> {
    const { connection, topic, vehicle } = this.#options
    try {
      const credentials = await readCredentials(connection)
      // Loaded only here, so that a vehicle without MQTT does not carry it.
      const { default: library } = await import('mqtt')
      if (this.#stopped) return
      const client = library.connect(connection.url, {
        ...credentials,
        clientId: `milepost-updates-${vehicle}`.slice(0, 120),
        keepalive: connection.keepAliveSec,
        reconnectPeriod: RECONNECT_MS,
        resubscribe: false,
      })
      this.#client = client
      client.on('connect', () => {
        client.subscribeAsync(topic, { qos: 1 }).then(
          () => {
            this.state = 'live'
          },
          (error) => this.#log.warn({ topic, ...complaintOf(error) }, 'updates: not subscribed'),
        )
      })
      client.on('close', () => {
        this.state = 'offline'
      })
      client.on('error', (error) => {
        this.state = 'offline'
        this.#log.debug({ ...complaintOf(error) }, 'updates: no MQTT')
      })
      client.on('message', (_, payload) => this.#heard(payload))
    } catch (error) {
      this.state = 'offline'
      this.#log.warn({ ...complaintOf(error) }, 'updates: no MQTT')
      if (!this.#stopped) this.#retry = setTimeout(() => void this.#open(), CREDENTIALS_RETRY_MS)
    }
  }

  #heard(payload: Uint8Array): void {
    const digest = createHash('sha256').update(payload).digest('hex')
    // An empty payload is a retained message that was taken away.
    if (payload.length === 0 || digest === this.#lastDigest) return
    this.#lastDigest = digest
    this.messages++
    const nowMs = performance.now()
    const wait = this.#lastCallMs + (this.#options.minIntervalMs ?? MIN_INTERVAL_MS) - nowMs
    const call = (): void => {
      this.#lastCallMs = performance.now()
      this.#call()
    }
    clearTimeout(this.#later)
    if (wait <= 0) call()
    else this.#later = setTimeout(call, wait)
  }
}
