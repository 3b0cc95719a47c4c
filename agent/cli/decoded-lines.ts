import type { DatabaseSet } from '../../sensors/dbc/database-set.ts'
import { decodeToJson } from '../../sensors/dbc/exact.ts'
import {
  FRAME_ERR,
  FRAME_EXT,
  FRAME_RTR,
  FRAME_STRIDE,
  type FrameBatch,
} from '../../sensors/frame.ts'
import type { Buses } from '../buses.ts'

/** Unknown identifiers told apart; a fuzzed bus has half a billion of them. */
const MAX_UNKNOWN_IDS = 65_536

/** Turns frames into JSON lines, and counts those that have none. */
export class DecodedLines {
  decoded = 0
  unknown = 0
  short = 0
  skipped = 0
  readonly #databases: DatabaseSet
  readonly #buses: Buses
  readonly #raw: boolean
  readonly #unknownIds = new Set<number>()
  #text = ''

  constructor(databases: DatabaseSet, buses: Buses, raw: boolean) {
    this.#databases = databases
    this.#buses = buses
    this.#raw = raw
  }

  /** How many unknown identifiers there were, up to `MAX_UNKNOWN_IDS`. */
  get unknownIds(): number {
    return this.#unknownIds.size
  }

  /** There were more of them than are told apart. */
  get moreIds(): boolean {
    return this.#unknownIds.size === MAX_UNKNOWN_IDS
  }

  /** The lines made since the last call. */
  take(): string {
    const text = this.#text
    this.#text = ''
    return text
  }

  add(frames: FrameBatch): void {
    for (let i = 0; i < frames.count; i++) this.#frame(frames, i)
  }

  #frame(frames: FrameBatch, i: number): void {
    const flags = frames.flags[i]
    if (flags & (FRAME_ERR | FRAME_RTR)) {
      this.skipped++
      return
    }
    const id = frames.id[i]
    const ext = (flags & FRAME_EXT) !== 0
    const message = this.#databases.find(id, ext)
    if (!message) {
      this.unknown++
      if (!this.moreIds) this.#unknownIds.add(ext ? id + 0x80000000 : id)
      return
    }
    const { length, data, timeUs } = frames
    const start = i * FRAME_STRIDE
    const values = decodeToJson(message, data, this.#raw, start, length[i], this)
    this.decoded++
    const bus = JSON.stringify(this.#buses.nameOf(frames.bus[i]))
    const name = JSON.stringify(message.name)
    this.#text += `{"timeUs":${timeUs[i]},"bus":${bus},"id":${id},"ext":${ext},"message":${name},"signals":${values}}\n`
  }
}
