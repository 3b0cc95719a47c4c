import type { Sensor, SensorContext, SensorKind, TroubleCode } from '../sensor.ts'
import { pause, stopUnder } from '../wait.ts'
import { type J1939Config, j1939Config } from './config.ts'
import { OwnNode } from './own-node.ts'

export const j1939: SensorKind<J1939Config> = {
  kind: 'j1939',
  config: j1939Config,
  create: (config) => new J1939Sensor(config),
}

/** How often `status` is renewed. */
const FACTS_MS = 500
/** Between two questions: the bus is others' too, never a burst. */
const REQUEST_GAP_MS = 50

/** SAE J1939: parameter groups, messages of several packets, trouble codes, address claims. */
export class J1939Sensor implements Sensor {
  readonly #config: J1939Config
  /** Of the run that goes on, or of the last one. */
  #node: OwnNode | undefined

  constructor(config: J1939Config) {
    this.#config = config
  }

  codes(): readonly TroubleCode[] {
    return this.#node?.codes() ?? []
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const node = new OwnNode(context, this.#config)
    this.#node = node
    // Where the bus fails, asking and showing must end with this opening, not go on beside the next.
    const over = stopUnder(signal)
    const until = over.signal
    try {
      node.open()
      context.opened()
      await Promise.race([node.failed, this.#ask(node, context, until), show(node, context, until)])
    } finally {
      over.abort()
      node.close()
    }
  }

  /** Asks for the groups that are only sent on request, each in its own rhythm, one at a time. */
  async #ask(node: OwnNode, { clock }: SensorContext, signal: AbortSignal): Promise<void> {
    const due = this.#config.requests.map((request) => ({ ...request, atUs: 0 }))
    while (!signal.aborted) {
      for (const request of due) {
        const nowUs = clock.monoUs()
        if (nowUs < request.atUs || !node.request(request.pgn, request.destination)) continue
        request.atUs = nowUs + request.everyMs * 1000
        await pause(REQUEST_GAP_MS, signal)
      }
      await pause(REQUEST_GAP_MS, signal)
    }
  }
}

async function show(node: OwnNode, context: SensorContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    context.device(node.facts())
    await pause(FACTS_MS, signal)
  }
}
