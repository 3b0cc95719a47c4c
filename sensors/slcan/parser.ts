import {
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FRAME_STRIDE,
  type FrameBatch,
} from '../frame.ts'
import { hexValue } from '../hex.ts'
import { BELL, CR, TIMESTAMP_WRAP_MS } from './protocol.ts'

/** Longest line there is: `B`, 8 digits of id, DLC, 64 bytes, time; with room to spare. */
const MAX_LINE_BYTES = 160
const LF = 10
const MAX_EXT_ID = 0x1fffffff
const MAX_STD_ID = 0x7ff

/** Flags and number of id digits by the letter that begins a frame's line. */
const FRAME_LETTERS: ReadonlyMap<number, { flags: number; idDigits: number }> = new Map(
  Object.entries({
    t: { flags: 0, idDigits: 3 },
    T: { flags: FRAME_EXT, idDigits: 8 },
    r: { flags: FRAME_RTR, idDigits: 3 },
    R: { flags: FRAME_RTR | FRAME_EXT, idDigits: 8 },
    d: { flags: FRAME_FD, idDigits: 3 },
    D: { flags: FRAME_FD | FRAME_EXT, idDigits: 8 },
    b: { flags: FRAME_FD | FRAME_BRS, idDigits: 3 },
    B: { flags: FRAME_FD | FRAME_BRS | FRAME_EXT, idDigits: 8 },
  }).map(([letter, shape]) => [letter.charCodeAt(0), shape]),
)

/** What the parser tells of besides frames. */
export interface SlcanListener {
  /** A full batch; it is emptied after the call. */
  frames(batch: FrameBatch): void
  /** An answer without its end: empty for a plain "done", else such as `V1013` or `z`. */
  answer(text: string): void
  /** The adapter refused a command (BEL). */
  refused(): void
  /** So many lines of a chunk were neither frame nor answer. */
  malformed?(count: number): void
  /** The time of a frame in `timeUs`, from the adapter's milliseconds, -1 where it has none. */
  timeUs(adapterMs: number): number
}

/** Reads what an slcan adapter sends, from chunks of any size; no string is made per frame. */
export class SlcanParser {
  /** Lines that begin like a frame or like nothing known, and are not well-formed. */
  malformed = 0
  readonly #line = new Uint8Array(MAX_LINE_BYTES)
  #length = 0
  /** Inside a line that was too long and is counted already. */
  #skipping = false
  readonly #batch: FrameBatch
  readonly #bus: number
  readonly #listener: SlcanListener

  constructor(batch: FrameBatch, bus: number, listener: SlcanListener) {
    this.#batch = batch
    this.#bus = bus
    this.#listener = listener
  }

  /** Takes the next bytes and hands over every frame that they complete. */
  feed(chunk: Uint8Array): void {
    const before = this.malformed
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]
      if (byte === CR) this.#finish()
      else if (byte === BELL) {
        // BEL ends whatever came before it; half a line before it is lost.
        if (this.#length > 0 && !this.#skipping) this.malformed++
        this.#clear()
        this.#listener.refused()
      } else if (byte === LF && this.#length === 0) continue
      else if (this.#length < MAX_LINE_BYTES) this.#line[this.#length++] = byte
      else {
        // Rubbish at a wrong baud rate may never show a CR: each such length counts once.
        this.malformed++
        this.#length = 0
        this.#skipping = true
      }
    }
    this.#flush()
    if (this.malformed > before) this.#listener.malformed?.(this.malformed - before)
  }

  #finish(): void {
    if (!this.#skipping) {
      const shape = FRAME_LETTERS.get(this.#line[0])
      if (this.#length === 0) this.#listener.answer('')
      else if (!shape) this.#answer()
      else if (this.#frame(shape.flags, shape.idDigits)) {
        this.#batch.count++
        if (this.#batch.full) this.#flush()
      } else this.malformed++
    }
    this.#clear()
  }

  #clear(): void {
    this.#length = 0
    this.#skipping = false
  }

  #flush(): void {
    if (this.#batch.count === 0) return
    this.#listener.frames(this.#batch)
    this.#batch.count = 0
  }

  #answer(): void {
    for (let i = 0; i < this.#length; i++) {
      if (this.#line[i] < 32 || this.#line[i] > 126) {
        this.malformed++
        return
      }
    }
    this.#listener.answer(String.fromCharCode(...this.#line.subarray(0, this.#length)))
  }

  /** Reads the line into slot `batch.count`; false where it is no frame. */
  #frame(flags: number, idDigits: number): boolean {
    const line = this.#line
    const batch = this.#batch
    const slot = batch.count
    if (this.#length < idDigits + 2) return false
    let at = 1
    let id = 0
    for (; at <= idDigits; at++) {
      const digit = hexValue[line[at]]
      if (digit > 15) return false
      id = id * 16 + digit
    }
    if (id > (flags & FRAME_EXT ? MAX_EXT_ID : MAX_STD_ID)) return false
    const dlc = hexValue[line[at++]]
    if (dlc > 15 || (dlc > 8 && !(flags & FRAME_FD))) return false
    const length = FD_LENGTHS[dlc]
    const end = at + (flags & FRAME_RTR ? 0 : length * 2)
    const rest = this.#length - end
    if (rest !== 0 && rest !== 4) return false
    // A remote frame asks for so many bytes and carries none; no stale ones shall show.
    if (flags & FRAME_RTR) batch.data.fill(0, slot * FRAME_STRIDE, slot * FRAME_STRIDE + length)
    for (let to = slot * FRAME_STRIDE; at < end; at += 2) {
      const high = hexValue[line[at]]
      const low = hexValue[line[at + 1]]
      if (high > 15 || low > 15) return false
      batch.data[to++] = (high << 4) | low
    }
    const adapterMs = rest === 4 ? this.#milliseconds(end) : -1
    if (Number.isNaN(adapterMs)) return false
    batch.id[slot] = id
    batch.flags[slot] = flags
    batch.length[slot] = length
    batch.bus[slot] = this.#bus
    batch.timeUs[slot] = this.#listener.timeUs(adapterMs)
    return true
  }

  #milliseconds(at: number): number {
    let ms = 0
    for (let i = at; i < at + 4; i++) {
      const digit = hexValue[this.#line[i]]
      if (digit > 15) return Number.NaN
      ms = ms * 16 + digit
    }
    return ms < TIMESTAMP_WRAP_MS ? ms : Number.NaN
  }
}
