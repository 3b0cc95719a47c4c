/** Turns the interface names of a log into bus numbers and back. */
export interface BusNames {
  /** The bus of this interface, 0 to 255; negative where its frames are not wanted. */
  indexOf(name: string): number
  nameOf(index: number): string
}

/** Interface names remembered as bytes; a log with more is read on, only slower. */
const MAX_KNOWN_NAMES = 256

interface Known {
  readonly bytes: Uint8Array
  readonly bus: number
}

/** Finds the bus of an interface by the bytes of its name; asks `BusNames` once for each name. */
export class Interfaces {
  readonly #buses: Pick<BusNames, 'indexOf'>
  readonly #names: Known[] = []
  #last: Known | undefined

  constructor(buses: Pick<BusNames, 'indexOf'>) {
    this.#buses = buses
  }

  /** The bus of the name in `bytes` from `start` to before `end`; negative: not wanted. */
  busOf(bytes: Uint8Array, start: number, end: number): number {
    if (this.#last && sameBytes(this.#last.bytes, bytes, start, end)) return this.#last.bus
    for (const known of this.#names) {
      if (sameBytes(known.bytes, bytes, start, end)) {
        this.#last = known
        return known.bus
      }
    }
    const name = bytes.slice(start, end)
    const known = { bytes: name, bus: this.#buses.indexOf(new TextDecoder().decode(name)) }
    if (this.#names.length < MAX_KNOWN_NAMES) this.#names.push(known)
    this.#last = known
    return known.bus
  }
}

function sameBytes(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
