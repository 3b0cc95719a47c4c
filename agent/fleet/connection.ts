import { connect, type Socket } from 'node:net'
import { generate } from 'mqtt-packet'
import { parsePublish, varint } from '../../sync/mqtt/publish.ts'
import { AgentError } from '../error.ts'

const V5 = { protocolVersion: 5 } as const
const [CONNACK, PUBLISH, PUBACK, SUBACK] = [2, 3, 4, 9]
const FIRST_REFUSAL = 0x80
/** Topics in one SUBSCRIBE. */
const TOPICS_AT_ONCE = 100

export interface ConnectionHandlers {
  /** The broker acknowledged the message that was written first of those it had not. */
  acknowledged(): void
  told(topic: string, payload: Buffer): void
  lost(error: Error): void
}

/** A plain MQTT 5 connection that writes packets as they are given: the load must be cheap. */
export class Connection {
  readonly #handlers: ConnectionHandlers
  #socket!: Socket
  #rest: Buffer = Buffer.alloc(0)
  #answered: () => void = () => {}

  constructor(handlers: ConnectionHandlers) {
    this.#handlers = handlers
  }

  /** Connects as `clientId` and subscribes with QoS 0. */
  async open(port: number, clientId: string, topics: readonly string[]): Promise<void> {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#socket.on('error', (error) => this.#handlers.lost(error))
    this.#socket.once('close', () => this.#handlers.lost(lost('The broker hung up')))
    const hello = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId } as const
    await this.#ask(generate({ ...hello, clean: true, keepalive: 0 }, V5))
    for (let n = 0; n < topics.length; n += TOPICS_AT_ONCE) {
      const subscriptions = topics
        .slice(n, n + TOPICS_AT_ONCE)
        .map((topic) => ({ topic, qos: 0 as const }))
      await this.#ask(generate({ cmd: 'subscribe', messageId: 1, subscriptions }, V5))
    }
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  publish(topic: string, payload: string): void {
    const base = { cmd: 'publish', qos: 1, retain: false, dup: false, messageId: 1 } as const
    this.#socket.write(generate({ ...base, topic, payload }, V5))
  }

  #ask(packet: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#answered = resolve
      this.#socket.write(packet)
    })
  }

  #received(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    while (at + 2 <= bytes.length) {
      const { value, end } = varint(bytes, at + 1)
      if (end < 0 || end + value > bytes.length) break
      const kind = bytes[at] >> 4
      if (kind === PUBACK) this.#handlers.acknowledged()
      else if (kind === PUBLISH) {
        const { topic, payload } = parsePublish(bytes[at] & 15, bytes.subarray(end, end + value))
        this.#handlers.told(topic, payload)
      } else if (kind === CONNACK || kind === SUBACK) {
        // The reason stands second in a CONNACK, last in a SUBACK.
        const reason = kind === CONNACK ? bytes[end + 1] : bytes[end + value - 1]
        if (reason >= FIRST_REFUSAL) {
          this.#handlers.lost(lost(`The broker answers 0x${reason.toString(16)}`))
        } else this.#answered()
      }
      at = end + value
    }
    this.#rest = bytes.subarray(at)
  }
}

function lost(message: string): AgentError {
  return new AgentError('RUN_FAILED', message, {
    hint: 'Look at what Mosquitto wrote. Out of memory or open files? Try fewer vehicles or connections, or `ulimit -n`.',
  })
}
