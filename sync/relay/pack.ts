import { CLOCKS } from '../outbox/shelf.ts'
import type { Lane, StoredRecord } from '../record.ts'

/**
 * Records of one lane as they lie in one row of the store, one behind the other: what comes in
 * together is written, read and forgotten together, and a row for each would cost four times as much.
 * Each: bytes that follow, origin, seq, prev, timeUs, monoUs, clock, kind, boot id, payload.
 */
const HEAD_BYTES = 4 + 4 + 4 * 8 + 1 + 4 + 2
const FIRST_BYTES = 64 * 1024
/** A buffer that grew beyond this is not kept for the next row. */
const MAX_KEPT_BYTES = 8 * 1024 ** 2

export interface Packed {
  readonly originId: number
  readonly kind: number
  readonly record: Omit<StoredRecord, 'type' | 'contentType'>
}

/** Puts records into one row; used again for the next one. */
export class Packer {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #at = 0
  records = 0

  add(originId: number, kind: number, record: StoredRecord): void {
    const { seq, prev, timeUs, monoUs, clock, bootId, payload } = record
    this.#need(HEAD_BYTES + 3 * bootId.length + payload.length)
    const bytes = this.#bytes
    const start = this.#at
    let at = bytes.writeUInt32LE(originId, start + 4)
    at = bytes.writeDoubleLE(seq, at)
    at = bytes.writeDoubleLE(prev, at)
    at = bytes.writeDoubleLE(Math.round(timeUs), at)
    at = bytes.writeDoubleLE(Math.round(monoUs), at)
    at = bytes.writeUInt8(CLOCKS.indexOf(clock), at)
    at = bytes.writeUInt32LE(kind, at)
    const boot = bytes.write(bootId, at + 2)
    bytes.writeUInt16LE(boot, at)
    at += 2 + boot
    bytes.set(payload, at)
    at += payload.length
    bytes.writeUInt32LE(at - start - 4, start)
    this.#at = at
    this.records++
  }

  /** What was added, as a view that the next `add` overwrites. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#at)
    this.clear()
    return taken
  }

  clear(): void {
    if (this.#bytes.length > MAX_KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.#at = 0
    this.records = 0
  }

  #need(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + more))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

/** Records of a row, without the first `skip`; their payloads are views into it. */
export function* unpack(bytes: Buffer, lane: Lane, skip: number): Generator<Packed> {
  let at = 0
  for (let n = 0; n < skip; n++) at += 4 + bytes.readUInt32LE(at)
  while (at < bytes.length) {
    const end = at + 4 + bytes.readUInt32LE(at)
    const bootAt = at + HEAD_BYTES
    const payloadAt = bootAt + bytes.readUInt16LE(bootAt - 2)
    yield {
      originId: bytes.readUInt32LE(at + 4),
      kind: bytes.readUInt32LE(at + 41),
      record: {
        lane,
        seq: bytes.readDoubleLE(at + 8),
        prev: bytes.readDoubleLE(at + 16),
        timeUs: bytes.readDoubleLE(at + 24),
        monoUs: bytes.readDoubleLE(at + 32),
        clock: CLOCKS[bytes[at + 40]],
        bootId: bytes.toString('utf8', bootAt, payloadAt),
        payload: bytes.subarray(payloadAt, end),
      },
    }
    at = end
  }
}
