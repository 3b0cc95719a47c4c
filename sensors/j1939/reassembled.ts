import { FRAME_EXT, FRAME_FD, FrameBatch } from '../frame.ts'
import type { SensorContext } from '../sensor.ts'
import { makeId } from './id.ts'

/** Longest message that a frame batch has room for. */
const MAX_BYTES = 64

/**
 * Gives messages of several packets to the bus's DBC files as if they had come in one frame: a file
 * may describe a group of more than 8 bytes. Longer ones than a frame holds are left out and counted.
 */
export class ReassembledFrames {
  /** Messages that no frame holds. */
  tooLong = 0
  readonly #context: SensorContext
  readonly #batch = new FrameBatch(1)

  constructor(context: SensorContext) {
    this.#context = context
  }

  deliver(
    pgn: number,
    source: number,
    destination: number,
    data: Uint8Array,
    timeUs: number,
  ): void {
    if (data.length > MAX_BYTES) {
      this.tooLong++
      return
    }
    const batch = this.#batch
    batch.count = 1
    batch.timeUs[0] = timeUs
    batch.bus[0] = this.#context.bus
    batch.id[0] = makeId({ priority: 6, pgn, source, destination })
    batch.flags[0] = FRAME_EXT | FRAME_FD
    batch.length[0] = data.length
    batch.data.set(data)
    this.#context.frames(batch)
  }
}
