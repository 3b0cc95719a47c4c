import { Poller } from '../diagnostics/poller.ts'
import { TroubleCodes } from '../diagnostics/trouble-codes.ts'
import { watchPollers } from '../diagnostics/watch.ts'
import { SensorError } from '../errors.ts'
import type { Sensor, SensorContext, SensorKind, TroubleCode } from '../sensor.ts'
import { stopUnder } from '../wait.ts'
import { type UdsConfig, udsConfig } from './config.ts'
import { questionNames, requestOf, UdsEcu } from './ecu.ts'

export const uds: SensorKind<UdsConfig> = {
  kind: 'uds',
  config: udsConfig,
  cannotAsk: ({ ecus }, what) => {
    const known = ecus.flatMap(questionNames)
    if (known.includes(what.trim().toUpperCase())) return undefined
    return { reason: `expected one of ${known.join(', ') || 'nothing: it asks nothing'}`, known }
  },
  create: (config) => new UdsSensor(config),
}

/** Unified diagnostic services (ISO 14229-1) on ISO-TP: identifiers and trouble codes, read only. */
export class UdsSensor implements Sensor {
  readonly #config: UdsConfig
  #pollers: readonly Poller[] = []
  /** Of the run that goes on, or of the last one. */
  #codes: TroubleCodes | undefined

  constructor(config: UdsConfig) {
    this.#config = config
  }

  codes(): readonly TroubleCode[] {
    return this.#codes?.all() ?? []
  }

  /** `22 F190`: an identifier of the config; `19 02`: trouble codes. Of the first ECU that has it. */
  fetch(what: string): boolean {
    for (const poller of this.#pollers) {
      const question = poller.find(what.trim().toUpperCase())
      if (question) return poller.askOnce(question)
    }
    return false
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const config = this.#config
    context.channel.mustSend?.(config.ecus.map(requestOf))
    const codes = new TroubleCodes(context, config.countSignal)
    this.#codes = codes
    const ecus = config.ecus.map((ecu) => new UdsEcu(context, ecu, codes, config))
    const stop = stopUnder(signal)
    try {
      const pollers = ecus.map((ecu) => new Poller(context, ecu.name, ecu.questions(), config))
      this.#pollers = pollers
      context.opened()
      const work = pollers.map((poller) => poller.run(stop.signal))
      const watch = watchPollers(context, pollers, config.lostAfterMs, stop.signal, {
        client: (i) => ecus[i].client,
        note: (i) => (ecus[i].refused ? `, refused ${ecus[i].refused}` : ''),
        lost: () => this.#nobody(context.channel.bus),
      })
      await Promise.race([Promise.all(work), watch])
    } finally {
      stop.abort()
      this.#pollers = []
      for (const ecu of ecus) ecu.client.close()
    }
  }

  #nobody(bus: string): SensorError {
    const names = this.#config.ecus.map(({ name }) => name).join(', ')
    return new SensorError('DEVICE_LOST', `No ECU on ${bus} answers UDS requests: ${names}.`, {
      hint: `Switch the ignition on, check the bitrate of ${bus}, and request and response of each ECU.`,
    })
  }
}
