import { prefixLength } from './address.ts'
import type { Settings } from './options.ts'
import { PADDING } from './options.ts'
import { frameLength, MAX_SHORT_LENGTH, singleCapacity } from './pci.ts'

/** Builds frames of one direction: address byte in front, padding behind. */
export class FrameBuilder {
  readonly #settings: Settings
  readonly #byte: number | undefined

  /** `byte` stands before everything else with extended addressing. */
  constructor(settings: Settings, byte: number | undefined) {
    this.#settings = settings
    this.#byte = byte
  }

  /** Bytes before the control information. */
  get prefix(): number {
    return prefixLength(this.#byte)
  }

  /** Whether a message goes into one frame. */
  fitsSingle(length: number): boolean {
    return length <= singleCapacity(this.#settings.frameBytes, this.prefix)
  }

  single(payload: Uint8Array): Uint8Array {
    // The short form where a classic frame could hold it, so that CAN FD costs no longer frame.
    const short = payload.length <= singleCapacity(8, this.prefix)
    return this.frame(short ? [payload.length] : [0, payload.length], payload)
  }

  /** The first frame; returns it and how many bytes of the payload it took. */
  first(payload: Uint8Array): { frame: Uint8Array; taken: number } {
    const { length } = payload
    const head =
      length <= MAX_SHORT_LENGTH
        ? [0x10 | (length >> 8), length & 0xff]
        : [0x10, 0, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff]
    const taken = this.#settings.frameBytes - this.prefix - head.length
    return { frame: this.frame(head, payload.subarray(0, taken)), taken }
  }

  /** Payload bytes of a full consecutive frame. */
  get consecutiveCapacity(): number {
    return this.#settings.frameBytes - this.prefix - 1
  }

  frame(head: readonly number[], payload: Uint8Array = new Uint8Array(0)): Uint8Array {
    const used = this.prefix + head.length + payload.length
    const { padding } = this.#settings
    const full = used <= 8 ? (padding === null ? used : 8) : frameLength(used)
    const frame = new Uint8Array(full).fill(padding ?? PADDING, used)
    if (this.#byte !== undefined) frame[0] = this.#byte
    frame.set(head, this.prefix)
    frame.set(payload, this.prefix + head.length)
    return frame
  }
}
