import type { EcuName } from './name.ts'
import { nameBytes, nameNumber } from './name.ts'

export interface AddressHost {
  /** Sends an address claim from `source` to all. */
  claim(source: number, name: Uint8Array): void
}

/** How long others have to object to a claim (SAE J1939-81, 4.4.3.3). */
export const CLAIM_WAIT_US = 250_000
const NO_ADDRESS = 0xfe

/** Our own address: claimed, defended against weaker names, given up to stronger ones. */
export class OwnAddress {
  readonly #wanted: number
  readonly #name: Uint8Array
  readonly #host: AddressHost
  #readyUs = Number.POSITIVE_INFINITY
  #lost = false

  constructor(address: number, name: EcuName, host: AddressHost) {
    this.#wanted = address
    this.#name = nameBytes(name)
    this.#host = host
  }

  /** The address, once nobody has objected to it; undefined before, and after it was lost. */
  at(nowUs: number): number | undefined {
    return !this.#lost && nowUs >= this.#readyUs ? this.#wanted : undefined
  }

  get lost(): boolean {
    return this.#lost
  }

  claim(nowUs: number): void {
    this.#host.claim(this.#wanted, this.#name)
    this.#readyUs = nowUs + CLAIM_WAIT_US
  }

  /** Another ECU claims an address. Of two the smaller name keeps it. */
  heard(source: number, name: Uint8Array): void {
    if (source !== this.#wanted || this.#lost || name.length < 8) return
    if (nameNumber(this.#name) < nameNumber(name)) {
      this.#host.claim(this.#wanted, this.#name)
      return
    }
    this.#lost = true
    this.#host.claim(NO_ADDRESS, this.#name)
  }

  /** Somebody asks all for their addresses. */
  asked(): void {
    this.#host.claim(this.#lost ? NO_ADDRESS : this.#wanted, this.#name)
  }
}
