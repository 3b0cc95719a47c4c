import { z } from 'zod'
import { PIDS } from '../diagnostics/pids.ts'
import type { Poller, Question } from '../diagnostics/poller.ts'
import { DTC_COUNT, TroubleCodes } from '../diagnostics/trouble-codes.ts'
import { watchPollers } from '../diagnostics/watch.ts'
import { SensorError } from '../errors.ts'
import type { Sensor, SensorContext, SensorKind, TroubleCode } from '../sensor.ts'
import { stopUnder } from '../wait.ts'
import { cannotAsk, parseAsked } from './asked.ts'
import { discover, MAX_ECUS } from './discovery.ts'
import { ObdEcu } from './ecu.ts'

const everyMs = z.number().int().min(20).max(86_400_000)

const config = z.strictObject({
  /** 29-bit identifiers (0x18DB33F1) in the place of 11-bit ones (0x7DF). */
  ext: z.boolean().default(false),
  /** How often a PID is asked that `pids` does not name; 0: only those of `pids`. */
  defaultEveryMs: z.union([z.literal(0), everyMs]).default(5000),
  /** PIDs of service 01 by number (`0x0C` or 12) and how often each is asked. */
  pids: z
    .array(z.strictObject({ pid: z.number().int().min(1).max(0xff), everyMs }))
    .max(256)
    .default([]),
  /** How often trouble codes are asked (services 03, 07, 0A); 0 never. */
  codesEveryMs: z.union([z.literal(0), everyMs]).default(30_000),
  /** How often VIN and calibration are asked (service 09); 0 never. */
  identificationEveryMs: z.union([z.literal(0), everyMs]).default(3_600_000),
  /** Lets `clearCodes` clear trouble codes (service 04). */
  allowClear: z.boolean().default(false),
  /** How long an ECU may take to begin an answer. */
  answerTimeoutMs: z.number().int().min(10).max(10_000).default(300),
  /** How long ECUs have to answer when it is asked who is there. */
  discoveryMs: z.number().int().min(10).max(10_000).default(500),
  minGapMs: z.number().int().min(0).max(10_000).default(5),
  /** Share of the time in which an ECU may be kept busy with answers. */
  load: z.number().min(0.01).max(1).default(0.5),
  /** After so long without any answer the vehicle is looked for anew. */
  lostAfterMs: z.number().int().min(1000).max(3_600_000).default(15_000),
  /** Name of the reading that counts trouble codes. */
  countSignal: z.string().min(1).default(DTC_COUNT),
})

export type ObdConfig = z.infer<typeof config>

export const obd: SensorKind<ObdConfig> = {
  kind: 'obd',
  config,
  cannotAsk,
  create: (config) => new ObdSensor(config),
}

/** On-board diagnostics (SAE J1979, ISO 15031-5) over CAN (ISO 15765-4). */
export class ObdSensor implements Sensor {
  readonly #config: ObdConfig
  #ecus: readonly ObdEcu[] = []
  /** One for each of `#ecus`, while they are asked. */
  #pollers: readonly Poller[] = []
  /** Of the run that goes on, or of the last one. */
  #codes: TroubleCodes | undefined

  constructor(config: ObdConfig) {
    this.#config = config
  }

  codes(): readonly TroubleCode[] {
    return this.#codes?.all() ?? []
  }

  /** Service 04; only where `allowClear` says so. */
  async clearCodes(): Promise<Record<string, string>> {
    if (!this.#config.allowClear) {
      throw new SensorError('SEND_DENIED', 'Clearing trouble codes is not allowed.', {
        hint: 'If it shall be, set allowClear: true at this sensor. Freeze frames go with the codes.',
      })
    }
    const ecus = this.#ecus
    if (ecus.length === 0) {
      throw new SensorError('DEVICE_LOST', 'No ECU is there whose codes could be cleared.', {
        hint: 'Switch the ignition on, engine off, and look at the sensor in "milepost status".',
      })
    }
    const answers: Record<string, string> = {}
    for (const ecu of ecus) answers[ecu.name] = (await ecu.clear()).kind
    for (const ecu of ecus) await ecu.codesQuestion(0).ask()
    return answers
  }

  /**
   * `01 0C` or `0C`: a PID that an ECU has; `codes`; `identification`; `04`: clears the codes of every
   * ECU, where `allowClear` says so.
   */
  fetch(what: string): boolean {
    const asked = parseAsked(what)
    if (!asked) return false
    if (asked.kind === 'pid') {
      const { pid } = asked
      const at = this.#ecus.findIndex((ecu) => ecu.pids.includes(pid))
      return at >= 0 && (this.#pollers[at]?.askOnce(this.#ecus[at].pidQuestion(pid, 0)) ?? false)
    }
    if (asked.kind === 'clear') {
      if (!this.#config.allowClear) return false
      const cleared = this.#ecus.map((ecu, i) => this.#pollers[i]?.askOnce(ecu.clearQuestion()))
      return cleared.includes(true)
    }
    const found = this.#pollers.map((poller) => {
      const question = poller.find(asked.kind)
      return question !== undefined && poller.askOnce(question)
    })
    return found.includes(true)
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { ext, discoveryMs, countSignal, lostAfterMs } = this.#config
    const found = await discover(context.channel, ext, context.clock, discoveryMs, signal)
    if (signal.aborted) return
    if (found.length === 0) throw this.#nobody(context.channel.bus)
    const codes = new TroubleCodes(context, countSignal)
    this.#codes = codes
    const ecus = found.map((ecu) => new ObdEcu(context, ecu, codes, this.#config))
    this.#ecus = ecus
    const stop = stopUnder(signal)
    try {
      for (const ecu of ecus) await ecu.learn()
      if (signal.aborted) return
      context.opened()
      const taken = new Set<number>()
      const pollers = ecus.map((ecu) => this.#poller(ecu, taken))
      this.#pollers = pollers
      const work = pollers.map((poller) => poller.run(stop.signal))
      const watch = watchPollers(context, pollers, lostAfterMs, stop.signal, {
        client: (i) => ecus[i].client,
        note: (i) => `, ${ecus[i].pids.length} PIDs`,
        lost: () => this.#nobody(context.channel.bus),
      })
      await Promise.race([Promise.all(work), watch])
    } finally {
      stop.abort()
      this.#ecus = []
      this.#pollers = []
      for (const ecu of ecus) ecu.client.close()
    }
  }

  /** What one ECU is asked. A PID that several have is asked of the first: a reading has one source. */
  #poller(ecu: ObdEcu, taken: Set<number>): Poller {
    const { pids, defaultEveryMs, codesEveryMs, identificationEveryMs, ...rest } = this.#config
    const wished = new Map(pids.map(({ pid, everyMs }) => [pid, everyMs]))
    const questions: Question[] = []
    for (const pid of ecu.pids) {
      const every = wished.get(pid) ?? defaultEveryMs
      if (every === 0 || !PIDS.has(pid) || taken.has(pid)) continue
      taken.add(pid)
      questions.push(ecu.pidQuestion(pid, every))
    }
    if (codesEveryMs > 0) questions.push(ecu.codesQuestion(codesEveryMs))
    if (identificationEveryMs > 0) questions.push(ecu.identificationQuestion(identificationEveryMs))
    return ecu.poller(questions, rest)
  }

  #nobody(bus: string): SensorError {
    const { ext } = this.#config
    return new SensorError('DEVICE_LOST', `No ECU on ${bus} answers OBD requests.`, {
      hint: `Switch the ignition on, and check the bitrate of ${bus}; some vehicles need ext: ${!ext} (${ext ? 11 : 29}-bit identifiers). At most ${MAX_ECUS} ECUs are looked for.`,
    })
  }
}
