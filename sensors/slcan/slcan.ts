import { z } from 'zod'
import { SensorError } from '../errors.ts'
import { FrameBatch } from '../frame.ts'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { openSerial, type SerialDevice } from '../serial/port.ts'
import { pause } from '../wait.ts'
import { AdapterTime } from './adapter-time.ts'
import { SlcanParser } from './parser.ts'
import { BITRATE_NUMBERS, DATA_BITRATE_NUMBERS, STATUS_LOSS } from './protocol.ts'
import { SlcanSession } from './session.ts'

const oneOf = (allowed: ReadonlyMap<number, number>) =>
  z
    .number()
    .refine((bitrate) => allowed.has(bitrate), `one of ${[...allowed.keys()].join(', ')} bit/s`)

const config = z.strictObject({
  /** Device node; `/dev/serial/by-id/…` stays the same over unplugging. */
  port: z.string().min(1),
  /** Speed of the serial line. USB adapters take any. */
  baudRate: z.number().int().min(300).max(4_000_000).default(115_200),
  /** Speed of the CAN bus, bit/s. */
  bitrate: oneOf(BITRATE_NUMBERS).default(500_000),
  /** Speed of CAN FD's data phase, bit/s. */
  dataBitrate: oneOf(DATA_BITRATE_NUMBERS).optional(),
  /** Never drives the bus, not even to acknowledge. */
  listenOnly: z.boolean().default(true),
  /** Whose clock stamps a frame: ours at arrival, or the adapter's milliseconds. */
  timestamps: z.enum(['host', 'adapter']).default('host'),
  /** How often the adapter is asked how it is; 0 never. */
  statusEveryMs: z.number().int().min(0).max(60_000).default(1000),
})

export type SlcanConfig = z.infer<typeof config>

/** Status questions in a row without any byte back after which the adapter counts as lost. */
const MAX_UNANSWERED = 5
/** How long the adapter may take to hear that the channel is closed. */
const CLOSE_TIMEOUT_MS = 300

export const slcan: SensorKind<SlcanConfig> = {
  kind: 'slcan',
  config,
  create: (config) => new SlcanSensor(config),
}

class SlcanSensor implements Sensor {
  readonly #config: SlcanConfig

  constructor(config: SlcanConfig) {
    this.#config = config
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const adapterTime = new AdapterTime()
    let live = false
    let counted = 0
    let arrivedUs = 0
    let bytes = 0
    const parser = new SlcanParser(new FrameBatch(), context.bus, {
      frames: (batch) => {
        // Before the channel is ours, frames are leftovers of an earlier owner.
        if (live) context.frames(batch)
      },
      answer: (text) => {
        // Printable rubbish looks like an answer; only what we never asked for can be told apart.
        if (live && !session.waiting && !/^(F..|[zZ])?$/.test(text))
          context.dropped('parse_error', 1)
        session.settle({ kind: 'done', text })
      },
      refused: () => {
        if (live && !session.waiting) context.dropped('parse_error', 1)
        session.settle({ kind: 'refused' })
      },
      timeUs: (ms) =>
        ms >= 0 && this.#config.timestamps === 'adapter'
          ? adapterTime.timeUs(ms, arrivedUs)
          : arrivedUs,
    })
    const device = await openSerial(this.#serial(), (chunk) => {
      arrivedUs = context.clock.nowUs()
      bytes += chunk.length
      parser.feed(chunk)
      if (live && parser.malformed > counted)
        context.dropped('parse_error', parser.malformed - counted)
      counted = parser.malformed
    })
    const session = new SlcanSession(device)
    const stop = new AbortController()
    try {
      const aborted = abortOf(AbortSignal.any([signal, stop.signal]))
      const lost = device.lost.then((error) => {
        throw error
      })
      const opened = await Promise.race([
        session.open(this.#config).then(() => true),
        lost,
        aborted,
      ])
      if (!opened) return
      live = true
      context.opened()
      const watch = this.#watch(session, context, () => bytes, stop.signal)
      await Promise.race([lost, aborted, watch])
    } finally {
      live = false
      stop.abort()
      await closeChannel(device)
    }
  }

  #serial() {
    return { path: this.#config.port, baudRate: this.#config.baudRate }
  }

  /**
   * Asks for the status flags now and then: they tell of frames lost in the adapter, and an adapter
   * that used to answer and does no more has died without closing its port.
   */
  async #watch(
    session: SlcanSession,
    context: SensorContext,
    bytesSoFar: () => number,
    stop: AbortSignal,
  ): Promise<void> {
    let answers = 0
    let unanswered = 0
    for (;;) {
      await pause(this.#config.statusEveryMs, stop)
      if (stop.aborted) return
      const before = bytesSoFar()
      const answer = await session.command('F')
      if (answer.kind === 'refused') return this.#forever(stop)
      if (answer.kind === 'done' && /^F[0-9A-Fa-f]{2}$/.test(answer.text)) {
        answers++
        // The adapter does not say how many; at least one.
        if (Number.parseInt(answer.text.slice(1), 16) & STATUS_LOSS)
          context.dropped('queue_full', 1)
      }
      unanswered = bytesSoFar() > before ? 0 : unanswered + 1
      if (unanswered < MAX_UNANSWERED) continue
      if (answers === 0) return this.#forever(stop)
      throw new SensorError(
        'DEVICE_LOST',
        `The adapter on ${this.#config.port} stopped answering.`,
        {
          hint: 'It is opened again by itself; if that does not help, unplug it and plug it in again.',
        },
      )
    }
  }

  /** For adapters that do not know `F`: nothing to watch, nothing to tell. */
  #forever(stop: AbortSignal): Promise<void> {
    return abortOf(stop).then(() => {})
  }
}

async function closeChannel(device: SerialDevice): Promise<void> {
  const close = device.write(Uint8Array.of(67, 13)).catch(() => {})
  const timeout = new AbortController()
  await Promise.race([close, pause(CLOSE_TIMEOUT_MS, timeout.signal)])
  timeout.abort()
  await device.close()
}

/** Resolves to false when the signal aborts. */
function abortOf(signal: AbortSignal): Promise<false> {
  if (signal.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(false), { once: true })
  })
}
