import { FRAME_EXT, FRAME_STRIDE, FrameBatch } from '../frame.ts'
import type { SensorContext } from '../sensor.ts'
import { parseFrameLine } from './frame-line.ts'
import { type Notice, noticeOf, PROTOCOLS } from './protocol.ts'
import type { Requests } from './requests.ts'
import type { Adapter } from './setup.ts'

/** Counts that the conversation needs and the lines bring. */
export interface Heard {
  frames: number
  busErrors: number
  bufferFull: number
  notice: Notice | undefined
}

/** Turns the lines that an adapter prints while it is on the bus into frames. */
export class BusLines {
  adapter: Adapter | undefined
  arrivedUs = 0
  readonly heard: Heard = { frames: 0, busErrors: 0, bufferFull: 0, notice: undefined }
  readonly #context: SensorContext
  readonly #batch = new FrameBatch()
  #requests: Requests | undefined

  constructor(context: SensorContext) {
    this.#context = context
  }

  begin(adapter: Adapter, requests: Requests): void {
    this.adapter = adapter
    this.#requests = requests
    this.#tell()
  }

  take(line: string): void {
    const adapter = this.adapter as Adapter
    const { ext } = PROTOCOLS[adapter.protocol]
    const frame = parseFrameLine(line, ext, adapter.printsLength)
    if (frame) {
      this.#frame(frame.id, frame.data, ext)
      return
    }
    const notice = noticeOf(line)
    if (notice === undefined || notice === 'unknown-command')
      this.#context.dropped('parse_error', 1)
    else if (notice === 'buffer-full') {
      // It does not say how many; at least one.
      this.#context.dropped('queue_full', 1)
      this.heard.bufferFull++
      this.#tell()
    } else if (notice === 'bus-error') {
      this.heard.busErrors++
      this.#tell()
    }
    if (notice !== undefined && notice !== 'nothing') this.heard.notice = notice
  }

  /** Hands over the frames of a chunk. */
  flush(): void {
    if (this.#batch.count > 0) this.#context.frames(this.#batch)
    this.#batch.count = 0
  }

  #frame(id: number, data: Uint8Array, ext: boolean): void {
    this.heard.frames++
    this.#requests?.heard(id, data)
    const batch = this.#batch
    const i = batch.count++
    batch.timeUs[i] = this.arrivedUs
    batch.bus[i] = this.#context.bus
    batch.id[i] = id
    batch.flags[i] = ext ? FRAME_EXT : 0
    batch.length[i] = data.length
    batch.data.set(data, i * FRAME_STRIDE)
    if (batch.full) this.flush()
  }

  #tell(): void {
    const { name, protocol } = this.adapter as Adapter
    const { busErrors, bufferFull } = this.heard
    this.#context.device({ adapter: name, protocol, busErrors, bufferFull })
  }
}
