import { ReadingBatch, type SignalCatalog } from '../../sensors/reading.ts'
import { complaintOf } from '../error.ts'
import type { Logger } from '../log.ts'
import type { Given, Names } from './names.ts'

/**
 * Names and converts what sensors deliver as readings, as the decoder does with what DBC files
 * describe. A unit that does not fit shows only here, once the signal comes: it is told, and the
 * signal stays as it was.
 */
export class NamedReadings {
  readonly #names: Names
  readonly #catalog: SignalCatalog
  readonly #log: Logger
  readonly #batch = new ReadingBatch()
  /** What each signal becomes; -1: it stays. */
  readonly #becomes: number[] = []
  readonly #given: (Given | undefined)[] = []
  #any = false

  constructor(names: Names, catalog: SignalCatalog, log: Logger) {
    this.#names = names
    this.#catalog = catalog
    this.#log = log
  }

  /** Hands the readings on, under their names; the batch itself is left as it is. */
  apply(batch: ReadingBatch, deliver: (batch: ReadingBatch) => void): void {
    this.#learn()
    if (!this.#any) {
      deliver(batch)
      return
    }
    const out = this.#batch
    out.count = 0
    for (let i = 0; i < batch.count; i++) {
      const signal = batch.signal[i]
      const given = this.#given[signal]
      if (given) {
        const value = batch.value[i] * given.factor + given.offset
        out.push(this.#becomes[signal], value, batch.timeUs[i])
      } else out.push(signal, batch.value[i], batch.timeUs[i])
      if (out.count < out.capacity) continue
      deliver(out)
      out.count = 0
    }
    if (out.count > 0) deliver(out)
  }

  /** Looks at signals that are new in the catalog; those that get a name here are in it already. */
  #learn(): void {
    while (this.#given.length < this.#catalog.size) {
      const { name, unit } = this.#catalog.at(this.#given.length)
      const given = this.#giveName(name, unit)
      const becomes = given ? this.#catalog.intern(given.name, given.unit).index : -1
      this.#given.push(given)
      this.#becomes.push(becomes)
      this.#any ||= given !== undefined
    }
  }

  #giveName(name: string, unit: string): Given | undefined {
    try {
      return this.#names.of(name, unit)
    } catch (error) {
      this.#log.error(complaintOf(error), `${name} keeps its name and its unit "${unit}"`)
      return undefined
    }
  }
}
