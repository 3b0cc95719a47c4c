import { ReadingBatch } from '../reading.ts'
import type { SensorContext, TroubleCode } from '../sensor.ts'

/** A trouble code as an ECU told it. */
export interface FoundCode {
  /** `P0301`, `P0301-16`, `SPN 110 FMI 0`. */
  readonly code: string
  /** Words of the standard: `stored`, `pending`, `permanent`, `confirmed`, … */
  readonly status: readonly string[]
  /** More of the same: status byte, occurrences, lamps. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** A code that came, changed or went. */
export interface CodeChange extends FoundCode {
  readonly event: 'appeared' | 'changed' | 'gone'
  readonly ecu: string
  /** Since this sensor was started; the history knows what was before. */
  readonly firstSeenUs: number
  readonly lastSeenUs: number
}

interface Known extends FoundCode {
  firstSeenUs: number
  lastSeenUs: number
  freezeFrame?: Readonly<Record<string, unknown>>
}

/** Codes of one ECU that are remembered; what is beyond is counted as dropped. */
const MAX_CODES_PER_ECU = 256
/** CloudEvents type of a code's record. */
const DTC_EVENT = 'milepost.dtc.v1'
/** Reading of how many codes are known. */
export const DTC_COUNT = 'Dtc.Count'

/**
 * The trouble codes of a sensor's ECUs: what came, changed and went becomes records, their number
 * becomes a reading.
 */
export class TroubleCodes {
  readonly #context: SensorContext
  readonly #count: number
  readonly #batch = new ReadingBatch(1)
  readonly #ecus = new Map<string, Map<string, Known>>()

  /** `signal` names the reading of their number. */
  constructor(context: SensorContext, signal = DTC_COUNT) {
    this.#context = context
    this.#count = context.catalog.intern(signal).index
  }

  /** Codes known now. */
  all(): TroubleCode[] {
    return [...this.#ecus].flatMap(([ecu, codes]) =>
      [...codes.values()].map((known) => ({ ecu, ...known })),
    )
  }

  /**
   * Takes the complete list of an ECU's codes and returns what is new about it, to be told by `tell`,
   * perhaps with a freeze frame. A code that is listed twice has both statuses.
   */
  update(ecu: string, found: readonly FoundCode[], timeUs: number): CodeChange[] {
    const before = this.#ecus.get(ecu) ?? new Map<string, Known>()
    const now = new Map<string, Known>()
    const changes: CodeChange[] = []
    for (const one of merged(found)) {
      if (now.size >= MAX_CODES_PER_ECU) {
        this.#context.dropped('queue_full', 1)
        continue
      }
      const old = before.get(one.code)
      const known: Known = {
        ...one,
        firstSeenUs: old?.firstSeenUs ?? timeUs,
        lastSeenUs: timeUs,
        ...(old?.freezeFrame ? { freezeFrame: old.freezeFrame } : {}),
      }
      now.set(one.code, known)
      if (!old) changes.push(changeOf('appeared', ecu, known))
      else if (signature(old) !== signature(one)) changes.push(changeOf('changed', ecu, known))
    }
    for (const [code, old] of before) {
      if (!now.has(code)) changes.push(changeOf('gone', ecu, old))
    }
    this.#ecus.set(ecu, now)
    let total = 0
    for (const codes of this.#ecus.values()) total += codes.size
    this.#batch.count = 0
    this.#batch.push(this.#count, total, timeUs)
    this.#context.readings(this.#batch)
    return changes
  }

  /** Makes a record of a change. `freezeFrame`: readings of the moment in which it came. */
  tell(change: CodeChange, freezeFrame?: Readonly<Record<string, unknown>>): void {
    const { details, ...plain } = change
    const timeUs = change.event === 'gone' ? this.#context.clock.nowUs() : change.lastSeenUs
    const frame = freezeFrame ? { freezeFrame } : {}
    const known = this.#ecus.get(change.ecu)?.get(change.code)
    if (known && freezeFrame) known.freezeFrame = freezeFrame
    this.#context.event(DTC_EVENT, { ...plain, ...details, ...frame }, timeUs)
  }
}

/** The freeze frame is told once, with the change that it was read for. */
function changeOf(event: CodeChange['event'], ecu: string, known: Known): CodeChange {
  const { freezeFrame, ...plain } = known
  return { event, ecu, ...plain }
}

function merged(found: readonly FoundCode[]): FoundCode[] {
  const byCode = new Map<string, FoundCode>()
  for (const one of found) {
    const other = byCode.get(one.code)
    const status = other ? [...new Set([...other.status, ...one.status])] : one.status
    const details =
      other?.details || one.details ? { ...other?.details, ...one.details } : undefined
    byCode.set(one.code, { code: one.code, status, ...(details ? { details } : {}) })
  }
  return [...byCode.values()]
}

/** Status only: a counter of occurrences that goes up is no news. */
function signature({ status }: FoundCode): string {
  return [...status].sort().join()
}

/**
 * The five characters of a code's two bytes (SAE J2012, 4; ISO 15031-6): P0301 is 0x03 0x01.
 */
export function codeText(high: number, low: number): string {
  const system = 'PCBU'[high >> 6]
  const hex = (((high & 0x3f) << 8) | low).toString(16).toUpperCase().padStart(4, '0')
  return system + hex
}

/** The two bytes of a code as text; undefined where it is none. */
export function codeBytes(code: string): [number, number] | undefined {
  if (!/^[PCBU][0-3][0-9A-F]{3}$/.test(code)) return undefined
  const number = Number.parseInt(code.slice(1), 16)
  return [('PCBU'.indexOf(code[0]) << 6) | (number >> 8), number & 0xff]
}
