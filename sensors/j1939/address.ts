import type { EcuName } from './name.ts'
import { nameBytes, nameNumber } from './name.ts'

export interface AddressHost {
  /** Sends an address claim from `source` to all; false: the device is busy, and `retry` is to be called. */
  claim(source: number, name: Uint8Array): boolean
}

/** How long others have to object to a claim (SAE J1939-81, 4.4.3.3). */
const CLAIM_WAIT_US = 250_000
const NO_ADDRESS = 0xfe

/** Our own address: claimed, defended against weaker names, given up to stronger ones. */
export class OwnAddress {
  readonly #wanted: number
  readonly #name: Uint8Array
  readonly #host: AddressHost
  #readyUs = Number.POSITIVE_INFINITY
  #lost = false
  /** What a claim that the device had no room for was to say. */
  #owed: number | undefined

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

  /** A claim could not be sent yet. */
  get owes(): boolean {
    return this.#owed !== undefined
  }

  claim(nowUs: number): void {
    this.#readyUs = Number.POSITIVE_INFINITY
    this.#say(this.#wanted, nowUs)
  }

  /** Tries again what could not be sent. */
  retry(nowUs: number): void {
    if (this.#owed !== undefined) this.#say(this.#owed, nowUs)
  }

  /** Another ECU claims an address. Of two the smaller name keeps it. */
  heard(source: number, name: Uint8Array, nowUs: number): void {
    if (source !== this.#wanted || this.#lost || name.length < 8) return
    if (nameNumber(this.#name) < nameNumber(name)) {
      this.#say(this.#wanted, nowUs)
      return
    }
    this.#lost = true
    this.#say(NO_ADDRESS, nowUs)
  }

  /** Somebody asks all for their addresses. */
  asked(nowUs: number): void {
    this.#say(this.#lost ? NO_ADDRESS : this.#wanted, nowUs)
  }

  /** The latest is what counts: an older claim that still waits is forgotten. */
  #say(address: number, nowUs: number): void {
    this.#owed = this.#host.claim(address, this.#name) ? undefined : address
    // Others can only object to what they heard.
    if (this.#owed === undefined && this.#readyUs === Number.POSITIVE_INFINITY)
      this.#readyUs = nowUs + CLAIM_WAIT_US
  }
}
