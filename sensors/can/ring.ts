import { FRAME_STRIDE, type FrameBatch } from '../frame.ts'

/** Words of the header: who is where, and what the worker has to tell. */
const HEAD = 0
const TAIL = 1
const ASLEEP = 2
const STOP = 3
const HEADER_WORDS = 16
const STRIDE_WORDS = FRAME_STRIDE / 4

/**
 * Frames between two threads in shared memory: one writes, one reads, neither waits for the other.
 * Positions count up and wrap at 2^32; the capacity is a power of two.
 */
export class FrameRing {
  readonly buffer: SharedArrayBuffer
  readonly capacity: number
  readonly #header: Int32Array
  readonly #timeUs: Float64Array
  readonly #id: Uint32Array
  readonly #data: Uint32Array
  readonly #bytes: Uint8Array
  readonly #flags: Uint8Array
  readonly #length: Uint8Array
  /** Writer's and reader's own positions; published by `publish` and `take`. */
  #head = 0
  #tail = 0

  constructor(buffer: SharedArrayBuffer) {
    const capacity = (buffer.byteLength - HEADER_WORDS * 4) / BYTES_PER_FRAME
    this.buffer = buffer
    this.capacity = capacity
    let at = 0
    const next = (bytes: number): number => {
      const from = at
      at += bytes
      return from
    }
    this.#header = new Int32Array(buffer, next(HEADER_WORDS * 4), HEADER_WORDS)
    this.#timeUs = new Float64Array(buffer, next(8 * capacity), capacity)
    this.#id = new Uint32Array(buffer, next(4 * capacity), capacity)
    this.#bytes = new Uint8Array(buffer, at, capacity * FRAME_STRIDE)
    this.#data = new Uint32Array(buffer, next(capacity * FRAME_STRIDE), capacity * STRIDE_WORDS)
    this.#flags = new Uint8Array(buffer, next(capacity), capacity)
    this.#length = new Uint8Array(buffer, next(capacity), capacity)
  }

  /** A ring for at least `frames` frames. */
  static create(frames: number): FrameRing {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(frames, 16)))
    return new FrameRing(new SharedArrayBuffer(HEADER_WORDS * 4 + capacity * BYTES_PER_FRAME))
  }

  // The writer's side.

  /** Frames that can be written now. */
  room(): number {
    return this.capacity - ((this.#head - Atomics.load(this.#header, TAIL)) >>> 0)
  }

  /**
   * Writes one frame; the caller has made sure of room. It is seen after the next `publish`.
   * @param words payload, from `at` on; whole words are copied
   */
  write(
    timeUs: number,
    id: number,
    flags: number,
    length: number,
    words: Uint32Array,
    at: number,
  ): void {
    const slot = this.#head & (this.capacity - 1)
    this.#head = (this.#head + 1) >>> 0
    this.#timeUs[slot] = timeUs
    this.#id[slot] = id
    this.#flags[slot] = flags
    this.#length[slot] = length
    const to = slot * STRIDE_WORDS
    for (let i = 0, n = (length + 3) >> 2; i < n; i++) this.#data[to + i] = words[at + i]
  }

  /** Shows the reader what was written; true where it sleeps and is to be woken. */
  publish(): boolean {
    Atomics.store(this.#header, HEAD, this.#head | 0)
    return Atomics.exchange(this.#header, ASLEEP, 0) === 1
  }

  /** Waits until the reader has taken something, at most for so long. */
  waitForRoom(timeoutMs: number): void {
    const tail = Atomics.load(this.#header, TAIL)
    if (this.room() === 0) Atomics.wait(this.#header, TAIL, tail, timeoutMs)
  }

  /** Lets more frames come in before the reader is bothered. */
  rest(ms: number): void {
    Atomics.wait(this.#header, STOP, 0, ms)
  }

  get stopped(): boolean {
    return Atomics.load(this.#header, STOP) === 1
  }

  // The reader's side.

  /** Frames that wait to be taken. */
  waiting(): number {
    return (Atomics.load(this.#header, HEAD) - this.#tail) >>> 0
  }

  /** Fills the batch, from its start, with what waits; `bus` stays the caller's to set. */
  take(batch: FrameBatch): void {
    const slot = this.#tail & (this.capacity - 1)
    const count = Math.min(this.waiting(), batch.capacity, this.capacity - slot)
    batch.count = count
    if (count === 0) return
    batch.timeUs.set(this.#timeUs.subarray(slot, slot + count))
    batch.id.set(this.#id.subarray(slot, slot + count))
    batch.flags.set(this.#flags.subarray(slot, slot + count))
    batch.length.set(this.#length.subarray(slot, slot + count))
    batch.data.set(this.#bytes.subarray(slot * FRAME_STRIDE, (slot + count) * FRAME_STRIDE))
    this.#tail = (this.#tail + count) >>> 0
    Atomics.store(this.#header, TAIL, this.#tail | 0)
    Atomics.notify(this.#header, TAIL)
  }

  /** Says that the reader is to be woken for the next frame; false where one is there already. */
  sleep(): boolean {
    Atomics.store(this.#header, ASLEEP, 1)
    if (this.waiting() === 0) return true
    return Atomics.exchange(this.#header, ASLEEP, 0) === 0
  }

  /** Tells the writer to end. */
  stop(): void {
    Atomics.store(this.#header, STOP, 1)
    Atomics.notify(this.#header, STOP)
    Atomics.notify(this.#header, TAIL)
  }
}

const BYTES_PER_FRAME = 8 + 4 + FRAME_STRIDE + 1 + 1
