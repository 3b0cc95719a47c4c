import { setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import { SensorError } from '../errors.ts'
import { FrameBatch } from '../frame.ts'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { readLog } from './log-file.ts'
import { readerFor } from './log-reader.ts'
import { Pacer } from './pacer.ts'

const config = z.strictObject({
  /** A log of any format that the README lists, plain or gzip. */
  file: z.string().min(1),
  /** `recorded`, so many times as fast, or `flat-out`. */
  pace: z
    .union([z.enum(['recorded', 'flat-out']), z.number().positive().max(10_000)])
    .default('recorded'),
  /** Begins again at the end, its times going on. */
  loop: z.boolean().default(false),
  /** `recorded` leaves frame times as they are in the log, `now` moves them to the present. */
  timestamps: z.enum(['recorded', 'now']).default('recorded'),
  /** Takes the frames of this interface of the log alone. */
  interface: z.string().min(1).optional(),
})

export type ReplayConfig = z.infer<typeof config>

/** Frames read at once at most; flat out, others of this process get their turn after so many. */
const BATCH_FRAMES = 2048

export const replay: SensorKind<ReplayConfig> = {
  kind: 'replay',
  config,
  create: (config) => new ReplaySensor(config),
}

class ReplaySensor implements Sensor {
  readonly #config: ReplayConfig
  /** Frames of interfaces that the config does not name. */
  #unwanted = 0

  constructor(config: ReplayConfig) {
    this.#config = config
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    const pacer = new Pacer(this.#pace(), context.clock, signal, (batch) => context.frames(batch))
    let opened = false
    let shiftUs = 0
    do {
      shiftUs += await this.#pass(context, signal, pacer, shiftUs, () => {
        if (!opened) context.opened()
        opened = true
      })
    } while (this.#config.loop && !signal.aborted)
  }

  /** Reads the log once; returns by how much a next pass has to be moved for time to go on. */
  async #pass(
    context: SensorContext,
    signal: AbortSignal,
    pacer: Pacer,
    shiftUs: number,
    opened: () => void,
  ): Promise<number> {
    const { file } = this.#config
    const reader = readerFor({
      indexOf: (name) => this.#busOf(name, context),
      nameOf: String,
    })
    const batch = new FrameBatch(BATCH_FRAMES)
    const span = new Span()
    let counted = 0
    let passedOver = 0
    /** Sends all frames of the bytes that the reader has. */
    const send = async (): Promise<void> => {
      let more = true
      while (more && !signal.aborted) {
        more = reader.fill(batch)
        if (reader.malformed > counted) context.dropped('parse_error', reader.malformed - counted)
        counted = reader.malformed
        if (reader.unwanted > passedOver) {
          this.#unwanted += reader.unwanted - passedOver
          passedOver = reader.unwanted
          context.device({ framesOfOtherInterfaces: this.#unwanted })
        }
        span.see(batch)
        await pacer.send(batch, shiftUs)
        batch.count = 0
        await nextTurn()
      }
    }
    if (signal.aborted) return 0
    for await (const chunk of readLog(file, () => context.dropped('parse_error', 1))) {
      opened()
      reader.push(chunk)
      await send()
      if (signal.aborted) return 0
    }
    opened()
    reader.end()
    await send()
    if (reader.frames === 0 && !signal.aborted) this.#nothingRead(reader.malformed)
    return span.lengthUs
  }

  #pace() {
    const { pace, timestamps } = this.#config
    const factor = pace === 'recorded' ? 1 : pace === 'flat-out' ? Number.POSITIVE_INFINITY : pace
    return { factor, now: timestamps === 'now' }
  }

  #busOf(name: string, context: SensorContext): number {
    const wanted = this.#config.interface
    return wanted === undefined || wanted === name ? context.bus : -1
  }

  /** An empty log is over at once; one of another format is a mistake, and so is looping on nothing. */
  #nothingRead(malformed: number): void {
    if (malformed === 0 && !this.#config.loop) return
    throw new SensorError(
      'LOG_UNREADABLE',
      `${this.#config.file} holds no frame of a known format.`,
      {
        hint: 'Known are candump, ASC, BLF, TRC, GVRET, BusMaster and Microchip; or record with milepost record.',
      },
    )
  }
}

/** How much time a log covers, with one mean gap after its last frame. */
class Span {
  #frames = 0
  #minUs = Number.POSITIVE_INFINITY
  #maxUs = 0

  see(batch: FrameBatch): void {
    this.#frames += batch.count
    for (let i = 0; i < batch.count; i++) {
      this.#minUs = Math.min(this.#minUs, batch.timeUs[i])
      this.#maxUs = Math.max(this.#maxUs, batch.timeUs[i])
    }
  }

  get lengthUs(): number {
    if (this.#frames < 2) return 0
    const lengthUs = this.#maxUs - this.#minUs
    return Math.round(lengthUs + lengthUs / (this.#frames - 1))
  }
}
