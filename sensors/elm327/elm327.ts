import { z } from 'zod'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { openSerial } from '../serial/port.ts'
import { baudRate } from '../serial/read-lines.ts'
import { pause } from '../wait.ts'
import { BusLines } from './bus-lines.ts'
import { Conversation } from './conversation.ts'
import { PROTOCOL_NAMES } from './protocol.ts'
import { Requests } from './requests.ts'
import { ElmSession } from './session.ts'
import { setUp } from './setup.ts'

const canId = z.number().int().min(0).max(0x1fff_ffff)

const config = z
  .strictObject({
    /** Device node; `/dev/serial/by-id/…` stays the same over unplugging. */
    port: z.string().min(1),
    /** 38400 for most ELM327, 115200 for OBDLink. */
    baudRate: baudRate.default(38_400),
    /** The vehicle's bus; `auto` looks for it. */
    protocol: z.enum(['auto', ...PROTOCOL_NAMES]).default('auto'),
    /** How `auto` looks: by listening, or by asking the vehicle once (`0100`), which sends on the bus. */
    search: z.enum(['listen', 'ask']).default('listen'),
    /** How long each protocol is listened to. */
    searchMs: z.number().int().min(100).max(60_000).default(1500),
    /** Sends nothing, not even to acknowledge; false lets OBD and UDS ask on this bus. */
    listenOnly: z.boolean().default(true),
    /** Takes all frames of the bus while nobody asks. */
    monitor: z.boolean().default(true),
    /** How long the adapter waits for answers to a request. */
    answerTimeoutMs: z.number().int().min(4).max(1020).default(200),
    /** Identifiers of answers where they are not the usual ones (request + 8). */
    replies: z
      .array(z.strictObject({ request: canId, reply: canId }))
      .max(64)
      .default([]),
    /** After so long a silence the adapter is asked whether it is still there. */
    probeEveryMs: z.number().int().min(100).max(600_000).default(5000),
  })
  .refine(({ monitor, listenOnly }) => monitor || !listenOnly, {
    path: ['monitor'],
    message: 'with listenOnly: true and monitor: false nothing would ever be read',
  })
  .refine(({ search, listenOnly }) => search === 'listen' || !listenOnly, {
    path: ['search'],
    message: 'to ask is to send: set listenOnly: false',
  })

export type Elm327Config = z.infer<typeof config>

/** How long a sensor that is stopped waits for the adapter's prompt. */
const FAREWELL_MS = 1500
/** Lines that the search for a protocol keeps. */
const MAX_SEARCH_LINES = 64

/** A CAN bus behind an ELM327, a copy of one, or an OBDLink. */
export const elm327: SensorKind<Elm327Config> = {
  kind: 'elm327',
  config,
  create: (config) => new Elm327Sensor(config),
}

class Elm327Sensor implements Sensor {
  readonly #config: Elm327Config

  constructor(config: Elm327Config) {
    this.#config = config
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const config = this.#config
    const search = { lines: [] as string[] }
    const reader = new BusLines(context)
    const session = new ElmSession(
      {
        write: (bytes) => device.write(bytes),
      },
      {
        line: (text) => {
          if (reader.adapter) reader.take(text)
          else if (search.lines.length < MAX_SEARCH_LINES) search.lines.push(text)
        },
        rubbish: () => context.dropped('parse_error', 1),
      },
    )
    const device = await openSerial({ path: config.port, baudRate: config.baudRate }, (chunk) => {
      reader.arrivedUs = context.clock.nowUs()
      session.feed(chunk)
      reader.flush()
    })
    const stop = new AbortController()
    const stopped = AbortSignal.any([signal, stop.signal])
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const lost = device.lost.then((error) => {
      throw error
    })
    try {
      const work = this.#work(session, context, reader, search, stopped)
      work.catch(() => {})
      await Promise.race([lost, aborted, work])
      // Stopped: what was begun comes to its end, so that the adapter is left at its prompt.
      const farewell = AbortSignal.any([stop.signal, AbortSignal.timeout(FAREWELL_MS)])
      await Promise.race([lost.catch(() => {}), work.catch(() => {}), pause(0, farewell)])
    } finally {
      stop.abort()
      await device.close()
    }
  }

  async #work(
    session: ElmSession,
    context: SensorContext,
    reader: BusLines,
    search: { lines: string[] },
    signal: AbortSignal,
  ): Promise<void> {
    const config = this.#config
    const adapter = await setUp(session, config, search, signal)
    if (signal.aborted) return
    const replies = new Map(config.replies.map(({ request, reply }) => [request, reply]))
    const requests = new Requests(adapter.protocol, replies, () => context.clock.monoUs())
    reader.begin(adapter, requests)
    const conversation = new Conversation({
      session,
      config,
      adapter,
      requests,
      wanted: context.wanted,
      heard: reader.heard,
    })
    const withdraw = config.listenOnly ? () => {} : context.offerSending(requests.send)
    try {
      context.opened()
      await conversation.run(signal)
    } finally {
      withdraw()
    }
  }
}
