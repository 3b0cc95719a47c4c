import { FrameBatch } from '../frame.ts'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import type { SerialDevice } from '../serial/port.ts'
import { usePort } from '../serial/use-port.ts'
import { pause } from '../wait.ts'
import { AdapterTime } from './adapter-time.ts'
import { type SlcanConfig, slcanConfig } from './config.ts'
import { Outgoing } from './outgoing.ts'
import { SlcanParser } from './parser.ts'
import { SlcanSession } from './session.ts'
import { type Arrived, watchAdapter } from './watch.ts'

/** How long the adapter may take to hear that the channel is closed. */
const CLOSE_TIMEOUT_MS = 300

export const slcan: SensorKind<SlcanConfig> = {
  kind: 'slcan',
  config: slcanConfig,
  rhythmic: true,
  create: (config) => new SlcanSensor(config),
}

class SlcanSensor implements Sensor {
  readonly #config: SlcanConfig

  constructor(config: SlcanConfig) {
    this.#config = config
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    const { port: path, baudRate } = this.#config
    let parser: SlcanParser | undefined
    let arrivedUs = 0
    const arrived = { bytes: 0, frames: 0 }
    await usePort({ path, baudRate }, signal, {
      received: (chunk) => {
        arrivedUs = context.clock.nowUs()
        arrived.bytes += chunk.length
        parser?.feed(chunk)
      },
      work: async (device, stop) => {
        const session = new SlcanSession(device)
        const { listenOnly } = this.#config
        const outgoing = listenOnly
          ? undefined
          : new Outgoing(device, this.#config, () => context.clock.monoUs())
        let live = false
        const isLive = (): boolean => live
        parser = this.#parser(context, session, outgoing, arrived, () => arrivedUs, isLive)
        await session.open(this.#config)
        if (stop.aborted) return
        live = true
        const withdraw = outgoing && context.offerSending(outgoing.send.bind(outgoing))
        try {
          context.opened()
          await watchAdapter(session, this.#config, context, arrived, outgoing, stop)
        } finally {
          live = false
          withdraw?.()
        }
      },
      farewell: closeChannel,
    })
  }

  #parser(
    context: SensorContext,
    session: SlcanSession,
    outgoing: Outgoing | undefined,
    arrived: Arrived,
    arrivedUs: () => number,
    live: () => boolean,
  ): SlcanParser {
    const adapterTime = new AdapterTime()
    return new SlcanParser(new FrameBatch(), context.bus, {
      frames: (batch) => {
        // Before the channel is ours, frames are leftovers of an earlier owner.
        if (!live()) return
        arrived.frames += batch.count
        context.frames(batch)
      },
      answer: (text) => {
        if (outgoing?.answered(text)) return
        // Printable rubbish looks like an answer; only what we never asked for can be told apart.
        if (live() && !session.waiting && !/^(F..|[zZ])?$/.test(text))
          context.dropped('parse_error', 1)
        session.settle({ kind: 'done', text })
      },
      refused: () => {
        if (outgoing?.bell()) return
        if (live() && !session.waiting) context.dropped('parse_error', 1)
        session.settle({ kind: 'refused' })
      },
      malformed: (count) => {
        if (live()) context.dropped('parse_error', count)
      },
      timeUs: (ms) =>
        ms >= 0 && this.#config.timestamps === 'adapter'
          ? adapterTime.timeUs(ms, arrivedUs())
          : arrivedUs(),
    })
  }
}

/** Lets the adapter close the channel, so that it stops talking to nobody. */
async function closeChannel(device: SerialDevice): Promise<void> {
  const close = device.write(Uint8Array.of(67, 13)).catch(() => {})
  const timeout = new AbortController()
  await Promise.race([close, pause(CLOSE_TIMEOUT_MS, timeout.signal)])
  timeout.abort()
}
