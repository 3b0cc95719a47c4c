import { isIP, type Socket, connect as tcpConnect } from 'node:net'
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls'
import type { ISocketFactory } from 'kafkajs'

const KEEP_ALIVE_DELAY_MS = 60_000
/** More than a broker's largest answer: what claims to be longer is not Kafka. */
const MAX_RESPONSE_BYTES = 128 * 1024 * 1024
/** The size of a response, and the correlation id that each one has. */
const SIZE_BYTES = 4
const MIN_RESPONSE_BYTES = 4

/**
 * Follows the frames of the stream and says at once when it cannot be Kafka. kafkajs would wait for
 * a response of gigabytes, or, on a negative size, loop or throw where nobody catches.
 */
class FrameGuard {
  #ahead = 0
  #size = 0
  #sizeBytes = 0

  check(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#ahead > 0) {
        const taken = Math.min(this.#ahead, chunk.length - at)
        this.#ahead -= taken
        at += taken
        continue
      }
      this.#size = (this.#size << 8) | chunk[at++]
      if (++this.#sizeBytes < SIZE_BYTES) continue
      if (this.#size < MIN_RESPONSE_BYTES || this.#size > MAX_RESPONSE_BYTES) {
        throw new Error(`The other side does not speak Kafka (a response of ${this.#size} bytes)`)
      }
      this.#ahead = this.#size
      this.#size = 0
      this.#sizeBytes = 0
    }
  }
}

/** Opens all sockets of one client, so that none outlives it and none can crash the process. */
export class Sockets {
  readonly #open = new Set<Socket>()
  #closed = false

  /** Handed to kafkajs. */
  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#closed) throw new Error('The client has been closed')
    const socket = ssl
      ? tlsConnect(
          {
            host,
            port,
            ...(isIP(host) ? {} : { servername: host }),
            ...(ssl as ConnectionOptions),
          },
          onConnect,
        )
      : tcpConnect({ host, port }, onConnect)
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
    socket.setNoDelay(true)
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    guard(socket)
    return socket
  }

  get size(): number {
    return this.#open.size
  }

  /** Cuts every socket; whatever waits on one is rejected, and no new one is opened. */
  destroy(): void {
    this.#closed = true
    // With an error, because only that makes kafkajs reject the requests that are under way.
    for (const socket of this.#open) socket.destroy(new Error('The client has been closed'))
  }
}

/** Turns what kafkajs would throw inside its data listener into an error of that socket. */
function guard(socket: Socket): void {
  const frames = new FrameGuard()
  const on = socket.on.bind(socket)
  socket.on = ((event: string, listener: (...args: unknown[]) => void) => {
    if (event !== 'data') return on(event, listener)
    return on('data', (chunk: Buffer) => {
      try {
        frames.check(chunk)
        listener(chunk)
      } catch (cause) {
        socket.destroy(cause instanceof Error ? cause : new Error(String(cause)))
      }
    })
  }) as typeof socket.on
}
