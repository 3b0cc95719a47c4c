import { parser as makeParser, type Packet } from 'mqtt-packet'
import { type Publish, parsePublish, varint } from './publish.ts'

const PUBLISH = 3

export interface PacketHandlers {
  publish(message: Publish): void
  /** Any other packet, as mqtt-packet reads it. */
  control(packet: Packet): void
}

/** Cuts what a socket brings into packets of MQTT 5; of its last piece it keeps what is no whole one. */
export class PacketReader {
  readonly #maxPacketBytes: number
  readonly #handlers: PacketHandlers
  readonly #parser = makeParser({ protocolVersion: 5 })
  #rest: Buffer = Buffer.alloc(0)
  #failed: Error | undefined

  constructor(maxPacketBytes: number, handlers: PacketHandlers) {
    this.#maxPacketBytes = maxPacketBytes
    this.#handlers = handlers
    this.#parser.on('packet', (packet) => handlers.control(packet))
    this.#parser.on('error', (error: Error) => {
      this.#failed = error
    })
  }

  /** Throws at what is no packet, or one that is too large; ends early where `wanted` says so. */
  read(chunk: Buffer, wanted: () => boolean): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    let at = 0
    while (wanted() && at + 2 <= bytes.length) {
      const { value, end } = varint(bytes, at + 1)
      if (end < 0) break
      if (value > this.#maxPacketBytes) throw new RangeError('a packet is too large')
      if (end + value > bytes.length) break
      const first = bytes[at]
      if (first >> 4 === PUBLISH) {
        this.#handlers.publish(parsePublish(first & 15, bytes.subarray(end, end + value)))
      } else this.#parser.parse(bytes.subarray(at, end + value))
      if (this.#failed) throw this.#failed
      at = end + value
    }
    this.#rest = bytes.subarray(at)
  }
}
