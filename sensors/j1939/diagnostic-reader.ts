import { type FoundCode, TroubleCodes } from '../diagnostics/trouble-codes.ts'
import type { SensorContext, TroubleCode } from '../sensor.ts'
import { parseDiagnostic } from './dm.ts'
import { hexByte } from './group-reader.ts'
import { PGN } from './id.ts'

/** The latest lists of one source. */
interface Lists {
  active: readonly FoundCode[]
  previous: readonly FoundCode[]
  lamps: string
}

/** CloudEvents type of a lamp that goes on or off. */
const LAMPS_EVENT = 'milepost.lamps.v1'

/** Trouble codes of every source on the bus: active (DM1) and previously active (DM2). */
export class DiagnosticReader {
  readonly #context: SensorContext
  readonly #codes: TroubleCodes
  readonly #sources = new Map<number, Lists>()

  constructor(context: SensorContext, countSignal: string) {
    this.#context = context
    this.#codes = new TroubleCodes(context, countSignal)
  }

  codes(): readonly TroubleCode[] {
    return this.#codes.all()
  }

  /** A whole DM1 or DM2. */
  read(pgn: number, source: number, data: Uint8Array, timeUs: number): void {
    const active = pgn === PGN.dm1
    const message = parseDiagnostic(data, active ? 'active' : 'previously active')
    if (!message) {
      this.#context.dropped('parse_error', 1)
      return
    }
    const ecu = hexByte(source)
    const lists = this.#sources.get(source) ?? { active: [], previous: [], lamps: '' }
    this.#sources.set(source, lists)
    if (active) lists.active = message.codes
    else lists.previous = message.codes
    const found = [...lists.active, ...lists.previous]
    for (const change of this.#codes.update(ecu, found, timeUs)) this.#codes.tell(change)
    const lamps = message.lamps.join()
    if (!active || lamps === lists.lamps) return
    lists.lamps = lamps
    this.#context.event(LAMPS_EVENT, { ecu, lamps: message.lamps }, timeUs)
  }
}
