import { NRC } from '../../diagnostics/negative-response.ts'
import { type EcuCode, type EcuMemory, statusByte } from './memory.ts'
import type { EcuData, Reply } from './obd-server.ts'

/** Status bits that this ECU keeps (ISO 14229-1, D.2). */
const AVAILABLE = 0x8d
/** Highest session number that it knows: default, programming, extended. */
const SESSIONS = [1, 2, 3]
/** Upper byte of the identifiers that it only reads out in the extended session. */
const EXTENDED_ONLY = 0x02
/** "Suppress positive response" in a sub-function. */
const SUPPRESS = 0x80
const FORMAT_14229 = 0x01

/** Services of ISO 14229-1 as an ECU answers them. */
export class UdsServer {
  session = 1
  /** Tester present messages heard. */
  presences = 0
  readonly #data: EcuData
  readonly #memory: EcuMemory
  readonly #identifiers: ReadonlyMap<number, () => Uint8Array>

  constructor(
    data: EcuData,
    memory: EcuMemory,
    identifiers: ReadonlyMap<number, () => Uint8Array> = new Map(),
  ) {
    this.#data = data
    this.#memory = memory
    this.#identifiers = identifiers
  }

  answer(request: Uint8Array): Reply {
    const [service, sub = 0] = request
    switch (service) {
      case 0x10:
        return this.#control(request)
      case 0x14:
        if (request.length !== 4) return { refuse: NRC.incorrectLength }
        this.#memory.clear()
        return Uint8Array.of(0x54)
      case 0x19:
        return this.#codes(request)
      case 0x22:
        return this.#read(request)
      case 0x3e:
        this.presences++
        if ((sub & 0x7f) !== 0) return { refuse: NRC.subFunctionNotSupported }
        return sub & SUPPRESS ? undefined : Uint8Array.of(0x7e, 0)
      default:
        return { refuse: NRC.serviceNotSupported }
    }
  }

  #control(request: Uint8Array): Reply {
    const session = request[1] & 0x7f
    if (request.length !== 2) return { refuse: NRC.incorrectLength }
    if (!SESSIONS.includes(session)) return { refuse: NRC.subFunctionNotSupported }
    this.session = session
    // P2 of 50 ms and P2* of 5 s, in units of 1 and 10 ms.
    return request[1] & SUPPRESS ? undefined : Uint8Array.of(0x50, session, 0, 50, 0x01, 0xf4)
  }

  #read(request: Uint8Array): Reply {
    if (request.length < 3 || request.length % 2 === 0) return { refuse: NRC.incorrectLength }
    const bytes: number[] = []
    for (let i = 1; i < request.length; i += 2) {
      const identifier = request[i] * 256 + request[i + 1]
      if (identifier >> 8 === EXTENDED_ONLY && this.session !== 3)
        return { refuse: NRC.serviceNotSupportedInActiveSession }
      const value = this.#identifier(identifier)
      if (value) bytes.push(request[i], request[i + 1], ...value)
    }
    return bytes.length > 0 ? Uint8Array.of(0x62, ...bytes) : { refuse: NRC.requestOutOfRange }
  }

  /** Own identifiers, the VIN (0xF190), and the PIDs as 0xF4xx (ISO 14229-1, C.1). */
  #identifier(identifier: number): Uint8Array | undefined {
    const own = this.#identifiers.get(identifier)
    if (own) return own()
    if (identifier === 0xf190) return this.#data.information.get(0x02)?.[0]
    if (identifier === 0xf186) return Uint8Array.of(this.session)
    return identifier >> 8 === 0xf4 ? this.#data.pid(identifier & 0xff) : undefined
  }

  #codes(request: Uint8Array): Reply {
    const sub = request[1] & 0x7f
    const head = [0x59, sub]
    if (sub === 0x01 || sub === 0x02) {
      if (request.length !== 3) return { refuse: NRC.incorrectLength }
      const found = this.#memory.all().filter((code) => (statusByte(code) & request[2]) !== 0)
      if (sub === 0x01)
        return Uint8Array.of(...head, AVAILABLE, FORMAT_14229, found.length >> 8, found.length)
      return Uint8Array.of(...head, AVAILABLE, ...found.flatMap(codeWithStatus))
    }
    if (sub !== 0x04 && sub !== 0x06) return { refuse: NRC.subFunctionNotSupported }
    if (request.length !== 6) return { refuse: NRC.incorrectLength }
    const code = this.#memory
      .all()
      .find((c) => [...c.bytes, c.failureType].every((byte, i) => byte === request[2 + i]))
    if (!code) return { refuse: NRC.requestOutOfRange }
    const record = sub === 0x04 ? snapshot(code) : [0x01, code.occurrences]
    return Uint8Array.of(...head, ...codeWithStatus(code), ...record)
  }
}

function codeWithStatus(code: EcuCode): number[] {
  return [...code.bytes, code.failureType, statusByte(code)]
}

/** Snapshot record 1: how many identifiers, then each with its data; PIDs are 0xF4xx. */
function snapshot({ freezeFrame }: EcuCode): number[] {
  const parts = [...freezeFrame].flatMap(([pid, bytes]) => [0xf4, pid, ...bytes])
  return [0x01, freezeFrame.size, ...parts]
}
