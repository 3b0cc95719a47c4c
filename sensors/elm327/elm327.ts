import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { usePort } from '../serial/use-port.ts'
import { pause } from '../wait.ts'
import { BusLines } from './bus-lines.ts'
import { type Elm327Config, elm327Config } from './config.ts'
import { Conversation } from './conversation.ts'
import { Requests } from './requests.ts'
import { ElmSession } from './session.ts'
import { setUp } from './setup.ts'

/** How long a sensor that is stopped waits for the adapter's prompt. */
const FAREWELL_MS = 1500
/** Lines that the search for a protocol keeps. */
const MAX_SEARCH_LINES = 64

/** A CAN bus behind an ELM327, a copy of one, or an OBDLink. */
export const elm327: SensorKind<Elm327Config> = {
  kind: 'elm327',
  config: elm327Config,
  rhythmic: true,
  create: (config) => new Elm327Sensor(config),
}

class Elm327Sensor implements Sensor {
  readonly #config: Elm327Config

  constructor(config: Elm327Config) {
    this.#config = config
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    const config = this.#config
    const search = { lines: [] as string[] }
    const reader = new BusLines(context)
    let session: ElmSession | undefined
    await usePort({ path: config.port, baudRate: config.baudRate }, signal, {
      received: (chunk) => {
        reader.arrivedUs = context.clock.nowUs()
        session?.feed(chunk)
        reader.flush()
      },
      work: (device, stop) => {
        session = new ElmSession(device, {
          line: (text) => {
            if (reader.adapter) reader.take(text)
            else if (search.lines.length < MAX_SEARCH_LINES) search.lines.push(text)
          },
          rubbish: () => context.dropped('parse_error', 1),
        })
        return this.#work(session, context, reader, search, stop)
      },
      // What was begun comes to its end, so that the adapter is left at its prompt.
      farewell: async (_, work) => {
        const enough = new AbortController()
        await Promise.race([work.catch(() => {}), pause(FAREWELL_MS, enough.signal)])
        enough.abort()
      },
    })
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
