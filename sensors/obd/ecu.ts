import { type Answer, type ClientOptions, RequestClient } from '../diagnostics/client.ts'
import { IDENTIFICATION_EVENT } from '../diagnostics/identification.ts'
import { NRC_ABSENT } from '../diagnostics/negative-response.ts'
import { decodePid, PIDS } from '../diagnostics/pids.ts'
import { Poller, type Question } from '../diagnostics/poller.ts'
import type { ScheduleOptions } from '../diagnostics/schedule.ts'
import { codeText, type FoundCode, type TroubleCodes } from '../diagnostics/trouble-codes.ts'
import { ReadingBatch } from '../reading.ts'
import type { SensorContext } from '../sensor.ts'
import type { FoundEcu } from './discovery.ts'
import {
  CLEAR_CODES,
  CURRENT_DATA,
  FREEZE_FRAME,
  INFORMATION,
  PENDING_CODES,
  PERMANENT_CODES,
  parseCodes,
  parseInformation,
  STORED_CODES,
  supported,
  VEHICLE_INFORMATION,
} from './services.ts'

/** CloudEvents type of a clearing that an ECU has confirmed. */
const CLEARED_EVENT = 'milepost.dtc.cleared.v1'

/** How often a question is asked before silence means that an ECU has nothing of the kind. */
const MAX_TRIES = 3
/** Services whose lists make up the trouble codes. */
const CODE_SERVICES = [STORED_CODES, PENDING_CODES, PERMANENT_CODES] as const
const MAX_SUPPORT_QUESTIONS = 8

/** One ECU that speaks OBD: what it has, and how it is asked. */
export class ObdEcu {
  readonly name: string
  /** PIDs of service 01 that it supports, in order. */
  readonly pids: number[] = []
  readonly client: RequestClient
  readonly #context: SensorContext
  readonly #codes: TroubleCodes
  readonly #batch = new ReadingBatch(16)
  /** Services that this ECU does not have; it was asked once. */
  readonly #absent = new Set<number>()

  constructor(
    context: SensorContext,
    found: FoundEcu,
    codes: TroubleCodes,
    options: ClientOptions,
  ) {
    this.name = found.name
    this.#context = context
    this.#codes = codes
    this.client = new RequestClient(context.channel, found.address, context.clock, options)
  }

  /** Asks which PIDs there are: each mask's last bit says whether there is a further mask. */
  async learn(): Promise<void> {
    this.pids.length = 0
    this.pids.push(...(await this.#supported(CURRENT_DATA)).numbers)
  }

  /** A question for one PID; its values become readings. */
  pidQuestion(pid: number, everyMs: number): Question {
    return {
      name: `01 ${hex(pid)}`,
      everyMs,
      ask: async () => {
        const answer = await this.#ask(CURRENT_DATA, pid)
        if (answer.kind === 'positive') this.#deliver(pid, answer.data.subarray(1), answer.timeUs)
        return absentWhere(answer)
      },
    }
  }

  /** The question for all trouble codes: services 03, 07 and 0A. */
  codesQuestion(everyMs: number): Question {
    return {
      name: 'codes',
      everyMs,
      ask: async () => {
        const found: FoundCode[] = []
        let heard: Answer['kind'] = 'positive'
        for (const service of CODE_SERVICES) {
          if (this.#absent.has(service)) continue
          const ask = () => this.client.request(Uint8Array.of(service))
          const answer = await (service === STORED_CODES ? ask() : insist(ask))
          if (answer.kind === 'positive') found.push(...parseCodes(service, answer.data))
          else if (answer.kind === 'negative') this.#absent.add(service)
          // Services 07 and 0A are younger than many cars, which say nothing at all to them.
          else if (answer.kind === 'silent' && service !== STORED_CODES) this.#absent.add(service)
          // A list that is not complete says nothing about codes that are gone.
          else return answer.kind
          heard = answer.kind === 'negative' ? heard : answer.kind
        }
        await this.#tellCodes(found)
        return heard === 'silent' ? 'positive' : heard
      },
    }
  }

  /** The question for VIN and calibration; a record when they are not what they were. */
  identificationQuestion(everyMs: number): Question {
    let told = ''
    return {
      name: 'identification',
      everyMs,
      ask: async () => {
        const { numbers: types, heard } = await this.#supported(VEHICLE_INFORMATION)
        if (heard === 'silent' || heard === 'broken') return heard
        const content: Record<string, string | string[]> = {}
        for (const { type, name, form } of INFORMATION) {
          if (!types.includes(type)) continue
          const answer = await this.#ask(VEHICLE_INFORMATION, type)
          if (answer.kind === 'silent' || answer.kind === 'broken') return answer.kind
          if (answer.kind !== 'positive') continue
          const items = parseInformation(type, form, answer.data)
          if (items.length > 0) content[name] = name.endsWith('s') ? items : items[0]
        }
        const text = JSON.stringify(content)
        if (Object.keys(content).length > 0 && text !== told) {
          told = text
          this.#context.event(IDENTIFICATION_EVENT, { ecu: this.name, ...content })
        }
        return types.length > 0 ? 'positive' : 'absent'
      },
    }
  }

  /** Clears the codes, and looks at once what is left of them. */
  clearQuestion(): Question {
    const look = this.codesQuestion(0)
    return {
      name: '04',
      everyMs: 0,
      ask: async () => {
        const answer = await this.clear()
        return answer.kind === 'positive' ? await look.ask() : answer.kind
      },
    }
  }

  /** Clears trouble codes and all that belongs to them (service 04); that it was done is told. */
  async clear(): Promise<Answer> {
    const answer = await this.client.request(Uint8Array.of(CLEAR_CODES))
    if (answer.kind === 'positive') this.#context.event(CLEARED_EVENT, { ecu: this.name })
    return answer
  }

  poller(questions: readonly Question[], options: ScheduleOptions): Poller {
    return new Poller(this.#context, this.name, questions, options)
  }

  /** What a service has, and how the ECU took the last question for it. */
  async #supported(service: number): Promise<{ numbers: number[]; heard: Answer['kind'] }> {
    const found: number[] = []
    let heard: Answer['kind'] = 'positive'
    for (let base = 0, i = 0; i < MAX_SUPPORT_QUESTIONS; base += 0x20, i++) {
      const answer = await insist(() => this.#ask(service, base))
      heard = answer.kind
      if (answer.kind !== 'positive' || answer.data.length < 5) break
      const numbers = supported(base, answer.data.subarray(1, 5))
      found.push(...numbers.filter((number) => number % 0x20 !== 0))
      if (!numbers.includes(base + 0x20)) break
    }
    return { numbers: found, heard }
  }

  #ask(service: number, pid: number): Promise<Answer> {
    return this.client.request(Uint8Array.of(service, pid), (data) => data[0] === pid)
  }

  #deliver(pid: number, data: Uint8Array, timeUs: number): void {
    const values = decodePid(pid, data)
    if (!values) {
      this.#context.dropped('parse_error', 1)
      return
    }
    this.#batch.count = 0
    for (const { signal, value } of values) {
      const { index } = this.#context.catalog.intern(signal.name, signal.unit)
      this.#batch.push(index, value, timeUs)
    }
    if (this.#batch.count > 0) this.#context.readings(this.#batch)
  }

  async #tellCodes(found: readonly FoundCode[]): Promise<void> {
    const changes = this.#codes.update(this.name, found, this.#context.clock.nowUs())
    // Many ECUs freeze their values only when a pending code becomes a stored one.
    const news = changes.some(({ event }) => event !== 'gone')
    const frame = news ? await this.#freezeFrame() : undefined
    for (const change of changes) {
      this.#codes.tell(change, frame?.code === change.code ? frame.values : undefined)
    }
  }

  /**
   * The freeze frame 00 (service 02): PID 02 names the code that caused it, the others hold the
   * values of that moment. ECUs keep one, for the code of the highest priority.
   */
  async #freezeFrame(): Promise<{ code: string; values: Record<string, number> } | undefined> {
    const cause = await this.#frozen(0x02)
    if (!cause || cause.length < 2 || (cause[0] === 0 && cause[1] === 0)) return undefined
    const values: Record<string, number> = {}
    for (const pid of await this.#frozenPids()) {
      const data = PIDS.has(pid) ? await this.#frozen(pid) : undefined
      for (const { signal, value } of (data && decodePid(pid, data)) ?? [])
        values[signal.name] = value
    }
    return { code: codeText(cause[0], cause[1]), values }
  }

  async #frozenPids(): Promise<number[]> {
    const found: number[] = []
    for (let base = 0, i = 0; i < MAX_SUPPORT_QUESTIONS; base += 0x20, i++) {
      const mask = await this.#frozen(base)
      if (!mask || mask.length < 4) break
      const numbers = supported(base, mask)
      found.push(...numbers.filter((number) => number % 0x20 !== 0 && number !== 2))
      if (!numbers.includes(base + 0x20)) break
    }
    return found
  }

  /** Data of one PID in freeze frame 0; undefined where there is none. */
  async #frozen(pid: number): Promise<Uint8Array | undefined> {
    const request = Uint8Array.of(FREEZE_FRAME, pid, 0)
    const answer = await this.client.request(request, (data) => data[0] === pid && data[1] === 0)
    return answer.kind === 'positive' ? answer.data.subarray(2) : undefined
  }
}

/** Requests that an ECU refuses for good. */
function absentWhere(answer: Answer): Answer['kind'] | 'absent' {
  const refused = answer.kind === 'negative' && NRC_ABSENT.includes(answer.code)
  return refused ? 'absent' : answer.kind
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}

/** Asks again where nothing is heard: one answer that is lost must not hide for good what there is. */
async function insist(ask: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const answer = await ask()
    if (answer.kind !== 'silent' || tries === MAX_TRIES) return answer
  }
}
