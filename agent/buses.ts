/** The buses of this agent, numbered in the order in which they were first named. */
export class Buses {
  readonly #names: string[] = []

  /** Number of the bus of this name, given out at first sight. A frame has one byte for it. */
  indexOf(name: string): number {
    const known = this.#names.indexOf(name)
    if (known >= 0) return known
    if (this.#names.length === 256) throw new RangeError('more than 256 buses')
    return this.#names.push(name) - 1
  }

  nameOf(index: number): string {
    return this.#names[index] ?? `bus${index}`
  }

  all(): readonly string[] {
    return this.#names
  }
}
