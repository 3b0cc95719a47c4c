/** A trouble code in a simulated ECU's memory. */
export interface EcuCode {
  /** Two bytes of SAE J2012. */
  readonly bytes: readonly [number, number]
  /** Failure type byte of ISO 14229 (SAE J2012-DA); 0: none. */
  readonly failureType: number
  stored: boolean
  pending: boolean
  permanent: boolean
  occurrences: number
  /** Data bytes of each PID when the code came. */
  readonly freezeFrame: ReadonlyMap<number, Uint8Array>
}

/** Codes that the memory holds; the oldest gives way. */
const MAX_CODES = 64

/** Trouble codes of a simulated ECU. */
export class EcuMemory {
  readonly #codes: EcuCode[] = []

  all(): readonly EcuCode[] {
    return this.#codes
  }

  with(kind: 'stored' | 'pending' | 'permanent'): EcuCode[] {
    return this.#codes.filter((code) => code[kind])
  }

  /** Sets a code, or counts it once more. */
  set(
    bytes: readonly [number, number],
    kinds: readonly ('stored' | 'pending' | 'permanent')[],
    freezeFrame: ReadonlyMap<number, Uint8Array>,
    failureType = 0,
  ): void {
    let code = this.#codes.find(
      (c) => c.bytes[0] === bytes[0] && c.bytes[1] === bytes[1] && c.failureType === failureType,
    )
    if (!code) {
      if (this.#codes.length >= MAX_CODES) this.#codes.shift()
      code = {
        bytes,
        failureType,
        stored: false,
        pending: false,
        permanent: false,
        occurrences: 0,
        freezeFrame,
      }
      this.#codes.push(code)
    }
    code.occurrences = Math.min(255, code.occurrences + 1)
    for (const kind of kinds) code[kind] = true
  }

  /** Permanent codes stay, as the law wants it (service 0A). */
  clear(): void {
    const left = this.#codes.filter((code) => code.permanent)
    for (const code of left) {
      code.stored = false
      code.pending = false
    }
    this.#codes.splice(0, Infinity, ...left)
  }
}

/** Status byte of ISO 14229-1, D.2. */
export function statusByte(code: EcuCode): number {
  return (
    (code.stored ? 0x09 : 0) | // testFailed, confirmed
    (code.pending ? 0x04 : 0) |
    (code.permanent ? 0x80 : 0)
  )
}
