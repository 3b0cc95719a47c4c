import { fieldValue } from '../diagnostics/bit-field.ts'
import { type Answer, RequestClient } from '../diagnostics/client.ts'
import { IDENTIFICATION_EVENT, plainText } from '../diagnostics/identification.ts'
import { NRC_ABSENT, NRC_SESSION, nrcText } from '../diagnostics/negative-response.ts'
import { decodePid, PIDS } from '../diagnostics/pids.ts'
import type { Question } from '../diagnostics/poller.ts'
import type { TroubleCodes } from '../diagnostics/trouble-codes.ts'
import { ReadingBatch } from '../reading.ts'
import type { SensorContext } from '../sensor.ts'
import type { UdsConfig, UdsEcuConfig, UdsIdentifier } from './config.ts'
import {
  ALL_RECORDS,
  COUNT_BY_MASK,
  EXTENDED_DATA,
  LIST_BY_MASK,
  parseCount,
  parseExtended,
  parseList,
  parseSnapshots,
  READ_DTC,
  SNAPSHOT,
  type UdsCode,
} from './dtc-information.ts'

const SESSION_CONTROL = 0x10
const READ_BY_IDENTIFIER = 0x22
const TESTER_PRESENT = 0x3e
const EXTENDED_SESSION = 0x03
/** New or changed codes of one list whose freeze frames are asked; the others come without. */
const MAX_FREEZE_FRAMES = 16

const SESSION_QUESTION = '10 03'
const CODES_QUESTION = '19 02'
const identifierQuestion = (id: number) => `22 ${id.toString(16).toUpperCase().padStart(4, '0')}`

/** Names of everything that the config wants asked of one ECU. */
export function questionNames({ identifiers, codes, session }: UdsEcuConfig): string[] {
  return [
    ...(session === 'extended' ? [SESSION_QUESTION] : []),
    ...identifiers.map(({ id }) => identifierQuestion(id)),
    ...(codes ? [CODES_QUESTION] : []),
  ]
}

/** The frame that carries what this ECU is asked. */
export function requestOf({ request, response, ext }: UdsEcuConfig): { id: number; ext: boolean } {
  return { id: request, ext: ext ?? (request > 0x7ff || response > 0x7ff) }
}

/** One ECU that speaks UDS (ISO 14229-1), and what it is asked. */
export class UdsEcu {
  readonly name: string
  readonly client: RequestClient
  /** In the session that the config asks for, as far as we know. */
  #entered = false
  /** What it refused last, as people read it. */
  refused = ''
  readonly #context: SensorContext
  readonly #config: UdsEcuConfig
  readonly #codes: TroubleCodes
  readonly #batch = new ReadingBatch(256)
  readonly #texts = new Map<string, string>()

  constructor(
    context: SensorContext,
    config: UdsEcuConfig,
    codes: TroubleCodes,
    common: UdsConfig,
  ) {
    const { response, requestByte, responseByte, fd, padding } = config
    const { id, ext } = requestOf(config)
    const address = {
      txId: id,
      rxId: response,
      ext,
      txByte: requestByte,
      rxByte: responseByte,
    }
    this.name = config.name
    this.#context = context
    this.#config = config
    this.#codes = codes
    const { answerTimeoutMs, pendingTimeoutMs } = common
    const options = { answerTimeoutMs, pendingTimeoutMs, fd, padding, maxLength: 65_535 }
    this.client = new RequestClient(context.channel, address, context.clock, options)
  }

  /** Everything that the config wants asked of it. */
  questions(): Question[] {
    const { identifiers, codes, session, testerPresentMs } = this.#config
    const questions: Question[] = []
    // Of what is due at once the first is asked first: others may need the session.
    if (session === 'extended') questions.push(this.#sessionQuestion(testerPresentMs))
    questions.push(...identifiers.map((identifier) => this.#identifierQuestion(identifier)))
    if (codes) questions.push(this.#codesQuestion(codes.everyMs))
    return questions
  }

  /** Enters the session, and holds it; an ECU that was reset is brought back into it. */
  #sessionQuestion(everyMs: number): Question {
    return {
      name: SESSION_QUESTION,
      everyMs,
      ask: async () => {
        if (this.#entered) {
          // With an answer, or we would not hear that there is nobody any more.
          const answer = await this.#request(Uint8Array.of(TESTER_PRESENT, 0), (d) => d[0] === 0)
          this.#entered = answer.kind === 'positive'
          return answer.kind
        }
        const request = Uint8Array.of(SESSION_CONTROL, EXTENDED_SESSION)
        const answer = await this.#request(request, (data) => data[0] === EXTENDED_SESSION)
        this.#entered = answer.kind === 'positive'
        return answer.kind
      },
    }
  }

  #identifierQuestion(identifier: UdsIdentifier): Question {
    const { id, everyMs, fields, text } = identifier
    const [high, low] = [id >> 8, id & 0xff]
    const signals = fields.map(
      (field) => this.#context.catalog.intern(field.name, field.unit).index,
    )
    return {
      name: identifierQuestion(id),
      everyMs,
      ask: async () => {
        const request = Uint8Array.of(READ_BY_IDENTIFIER, high, low)
        const answer = await this.#request(request, (d) => d[0] === high && d[1] === low)
        if (answer.kind !== 'positive') return absentWhere(answer)
        const payload = answer.data.subarray(2)
        this.#batch.count = 0
        fields.forEach((field, i) => {
          const value = fieldValue(payload, field)
          if (value === undefined) this.#context.dropped('parse_error', 1)
          else this.#batch.push(signals[i], value, answer.timeUs)
        })
        if (this.#batch.count > 0) this.#context.readings(this.#batch)
        if (text !== undefined) this.#tellText(text, plainText(payload))
        return 'positive'
      },
    }
  }

  #tellText(name: string, text: string): void {
    if (this.#texts.get(name) === text) return
    this.#texts.set(name, text)
    this.#context.event(IDENTIFICATION_EVENT, { ecu: this.name, [name]: text })
  }

  /** Trouble codes: how many (01), and where there are any, which (02), and what of the new ones. */
  #codesQuestion(everyMs: number): Question {
    const codes = this.#config.codes as Exclude<UdsEcuConfig['codes'], false>
    return {
      name: CODES_QUESTION,
      everyMs,
      ask: async () => {
        const counted = await this.#dtc(COUNT_BY_MASK, codes.mask)
        const none = counted.kind === 'positive' && parseCount(counted.data)?.count === 0
        if (counted.kind === 'silent' || counted.kind === 'broken') return counted.kind
        // Some ECUs have no 01: then the list itself is asked.
        const answer = none ? counted : await this.#dtc(LIST_BY_MASK, codes.mask)
        if (answer.kind !== 'positive') return absentWhere(answer)
        const found = none ? [] : parseList(answer.data)
        if (!found) {
          this.#context.dropped('parse_error', 1)
          return 'positive'
        }
        await this.#tellCodes(found)
        return 'positive'
      },
    }
  }

  async #tellCodes(found: readonly UdsCode[]): Promise<void> {
    const byText = new Map(found.map((one) => [one.code, one]))
    const plain = found.map(({ code, status, details }) => ({ code, status, details }))
    let asked = 0
    for (const change of this.#codes.update(this.name, plain, this.#context.clock.nowUs())) {
      const code = byText.get(change.code)
      const ask = change.event !== 'gone' && code && asked++ < MAX_FREEZE_FRAMES
      this.#codes.tell(change, ask ? await this.#freezeFrame(code) : undefined)
    }
  }

  /** Snapshot (04) and extended data (06) of one code; undefined where the ECU has neither. */
  async #freezeFrame({ bytes }: UdsCode): Promise<Record<string, unknown> | undefined> {
    const codes = this.#config.codes as Exclude<UdsEcuConfig['codes'], false>
    const frame: Record<string, unknown> = {}
    if (codes.snapshots) {
      const answer = await this.#dtc(SNAPSHOT, ...bytes, ALL_RECORDS)
      if (answer.kind === 'positive') this.#readSnapshots(answer.data, frame)
    }
    if (codes.extended) {
      const answer = await this.#dtc(EXTENDED_DATA, ...bytes, ALL_RECORDS)
      const extended = answer.kind === 'positive' ? parseExtended(answer.data) : undefined
      if (extended && extended.length > 0) frame.extendedData = hexText(extended)
    }
    return Object.keys(frame).length > 0 ? frame : undefined
  }

  #readSnapshots(data: Uint8Array, into: Record<string, unknown>): void {
    const parsed = parseSnapshots(data, (identifier) => this.#lengthOf(identifier))
    if (!parsed) return
    for (const [identifier, bytes] of parsed.fields) {
      const known = this.#config.identifiers.find(({ id }) => id === identifier)
      const pid = identifier >> 8 === 0xf4 ? decodePid(identifier & 0xff, bytes) : undefined
      for (const { signal, value } of pid ?? []) into[signal.name] = value
      for (const field of known?.fields ?? []) into[field.name] = fieldValue(bytes, field)
      if (!pid && !known?.fields.length) into[`0x${identifier.toString(16)}`] = hexText(bytes)
    }
    if (parsed.rest.length > 0) into.snapshot = hexText(parsed.rest)
  }

  /** Data bytes of an identifier: as the config says, as its fields need, or as the PID has. */
  #lengthOf(identifier: number): number | undefined {
    const { identifiers, codes } = this.#config
    const lengths = codes ? Object.entries(codes.lengths) : []
    const given = lengths.find(([key]) => Number(key) === identifier)?.[1]
    if (given !== undefined) return given
    const fields = identifiers.find(({ id }) => id === identifier)?.fields ?? []
    const needs = fields.map(({ byte, bit, bits }) => byte + ((bit + bits + 7) >> 3))
    if (needs.length > 0) return Math.max(...needs)
    return identifier >> 8 === 0xf4 ? PIDS.get(identifier & 0xff)?.bytes : undefined
  }

  #dtc(sub: number, ...rest: number[]): Promise<Answer> {
    return this.#request(Uint8Array.of(READ_DTC, sub, ...rest), (data) => data[0] === sub)
  }

  async #request(message: Uint8Array, matches: (data: Uint8Array) => boolean): Promise<Answer> {
    const answer = await this.client.request(message, matches)
    if (answer.kind === 'negative') {
      this.refused = `${hexText(message)}: ${nrcText(answer.code)}`
      // It was reset, and is in its default session again.
      if (NRC_SESSION.includes(answer.code)) this.#entered = false
    }
    return answer
  }
}

function absentWhere(answer: Answer): Answer['kind'] | 'absent' {
  return answer.kind === 'negative' && NRC_ABSENT.includes(answer.code) ? 'absent' : answer.kind
}

function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase()
}
