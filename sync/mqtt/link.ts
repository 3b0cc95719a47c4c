import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { generate, type Packet } from 'mqtt-packet'
import type { SyncError } from '../errors.ts'
import {
  DEFAULT_CONNECT_TIMEOUT_MS,
  DEFAULT_KEEP_ALIVE_SEC,
  type MqttConnection,
  readCredentials,
} from './connection.ts'
import { mqttFailure, reasonFailure } from './failure.ts'
import { PacketReader } from './packet-reader.ts'
import { type Publish, writePublishes } from './publish.ts'

export interface LinkOptions extends MqttConnection {
  readonly clientId: string
  readonly filters: readonly string[]
  /** The broker keeps our session, and what comes for it, for so long after we are gone. */
  readonly sessionExpirySec: number
  /** The broker has at most so many messages on their way to us that are not acknowledged. */
  readonly receiveMaximum: number
  readonly maxPacketBytes: number
}

export interface LinkHandlers {
  publish(message: Publish): void
  /** The connection is no more; called once, and not after `close`. */
  lost(error: SyncError): void
}

const VERSION_5 = { protocolVersion: 5 } as const
const FIRST_REFUSAL = 0x80
const CLOSE_TIMEOUT_MS = 500
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 }

/**
 * A subscriber's connection whose messages are acknowledged when their receiver says so, and many at
 * once: that is what mqtt.js cannot do, which looks at a message only after the one before it was
 * acknowledged, so that each would need a commit of its own. Packets other than PUBLISH are read and
 * written by mqtt-packet, the codec of mqtt.js.
 */
export class MqttLink {
  readonly #options: LinkOptions
  readonly #handlers: LinkHandlers
  readonly #reader: PacketReader
  #socket!: Socket
  #control: ((packet: Packet) => void) | undefined
  #over = false
  #heardMs = performance.now()
  #alive: NodeJS.Timeout | undefined
  #failOpening: ((error: SyncError) => void) | undefined

  private constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options
    this.#handlers = handlers
    this.#reader = new PacketReader(options.maxPacketBytes, {
      publish: (message) => handlers.publish(message),
      control: (packet) => this.#controlPacket(packet),
    })
  }

  /** Connects and subscribes. Messages may come before this resolves. Rejects with a `SyncError`. */
  static async connect(options: LinkOptions, handlers: LinkHandlers): Promise<MqttLink> {
    const link = new MqttLink(options, handlers)
    let timer: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        link.#failOpening = reject
        const limitMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS
        timer = setTimeout(() => link.#lose(new Error(`no answer in ${limitMs} ms`)), limitMs)
        link.#open().then(resolve, (error) => link.#lose(error))
      })
      link.#failOpening = undefined
      return link
    } catch (error) {
      link.#end()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Acknowledges messages of QoS 1 (3.4): success, written as one. */
  acknowledge(messageIds: readonly number[]): void {
    if (this.#over) return
    const bytes = Buffer.allocUnsafe(messageIds.length * 4)
    let at = 0
    for (const id of messageIds) {
      at = bytes.writeUInt16BE(0x4002, at)
      at = bytes.writeUInt16BE(id, at)
    }
    this.#socket.write(bytes)
  }

  /** Publishes with QoS 0, many as one. */
  publish(messages: readonly { topic: string; payload: string }[]): void {
    if (this.#over || messages.length === 0) return
    this.#socket.write(writePublishes(messages))
  }

  /** Stops and goes on reading from the broker. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#heardMs = performance.now()
    this.#socket.resume()
  }

  /** Says goodbye; the session stays. Returns within a bounded time. */
  async close(): Promise<void> {
    if (this.#over) return
    const socket = this.#socket
    this.#over = true
    clearInterval(this.#alive)
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
      socket.once('close', () => resolve())
      socket.resume()
      socket.end(generate({ cmd: 'disconnect', reasonCode: 0 }, VERSION_5))
    })
    clearTimeout(timer)
    socket.destroy()
  }

  async #open(): Promise<void> {
    const { url, clientId, sessionExpirySec, receiveMaximum, maxPacketBytes, filters } =
      this.#options
    const { username, password, ca, cert, key } = await readCredentials(this.#options)
    const { protocol, hostname, port } = new URL(url)
    const address = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || DEFAULT_PORTS[protocol],
    }
    if (this.#over) return
    const secure = protocol === 'mqtts:'
    this.#socket = secure
      ? connectTls({ ...address, servername: address.host, ca, cert, key })
      : connectTcp(address)
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#socket.on('error', (error) => this.#lose(error))
    this.#socket.on('close', () => this.#lose(new Error('the connection was closed')))
    await new Promise<void>((resolve) => {
      this.#socket.once(secure ? 'secureConnect' : 'connect', () => resolve())
    })
    const keepalive = this.#options.keepAliveSec ?? DEFAULT_KEEP_ALIVE_SEC
    const connack = await this.#ask({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: false,
      clientId,
      keepalive,
      username,
      password: password === undefined ? undefined : Buffer.from(password),
      properties: {
        sessionExpiryInterval: sessionExpirySec,
        receiveMaximum,
        maximumPacketSize: maxPacketBytes,
      },
    })
    if (connack.cmd === 'connack' && connack.reasonCode) {
      throw reasonFailure(url, connack.reasonCode, 'Connecting')
    }
    this.#keepAlive(keepalive * 1000)
    const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const, rh: 2, rap: true }))
    const suback = await this.#ask({ cmd: 'subscribe', messageId: 1, subscriptions })
    const granted = suback.cmd === 'suback' ? (suback.granted as number[]) : []
    const refused = granted.find((code) => code >= FIRST_REFUSAL)
    if (refused !== undefined) throw reasonFailure(url, refused, `Subscribing ${filters.join(' ')}`)
  }

  /** Sends a packet and waits for its answer; the caller bounds the time. */
  #ask(packet: Packet): Promise<Packet> {
    return new Promise((resolve) => {
      this.#control = resolve
      this.#socket.write(generate(packet, VERSION_5))
    })
  }

  #keepAlive(everyMs: number): void {
    this.#alive = setInterval(() => {
      if (this.#socket.isPaused()) this.#heardMs = performance.now()
      if (performance.now() - this.#heardMs > everyMs * 1.5) {
        this.#lose(new Error('the broker is silent'))
      } else this.#socket.write(generate({ cmd: 'pingreq' }, VERSION_5))
    }, everyMs / 2)
  }

  #received(chunk: Buffer): void {
    this.#heardMs = performance.now()
    try {
      this.#reader.read(chunk, () => !this.#over)
    } catch (error) {
      this.#lose(error)
    }
  }

  #controlPacket(packet: Packet): void {
    if (packet.cmd === 'disconnect') {
      this.#lose(reasonFailure(this.#options.url, packet.reasonCode ?? 0, 'Connected'))
    } else if (packet.cmd === 'connack' || packet.cmd === 'suback') this.#control?.(packet)
  }

  #lose(error: unknown): void {
    if (this.#over) return
    this.#end()
    const failure = mqttFailure(
      this.#options.url,
      error,
      `Broker ${new URL(this.#options.url).host}`,
    )
    if (this.#failOpening) this.#failOpening(failure)
    else this.#handlers.lost(failure)
  }

  #end(): void {
    this.#over = true
    clearInterval(this.#alive)
    this.#socket?.destroy()
  }
}
