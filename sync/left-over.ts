import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { type LedgerEntry, mergeEntries } from './ledger.ts'

/**
 * Losses that no outbox could take any more (the thread was gone, or closed): a small file beside it,
 * read at the next start and told in the ledger then.
 */
export class LeftOver {
  readonly #path: string

  constructor(outboxPath: string) {
    this.#path = `${outboxPath}-losses.json`
  }

  read(): LedgerEntry[] {
    try {
      const entries: unknown = JSON.parse(readFileSync(this.#path, 'utf8'))
      return Array.isArray(entries) ? (entries as LedgerEntry[]) : []
    } catch {
      return []
    }
  }

  /** Adds these to what stands there. On a disk that cannot be written the count ends with the log. */
  add(entries: readonly LedgerEntry[]): void {
    if (entries.length === 0) return
    const text = JSON.stringify(mergeEntries([...this.read(), ...entries]))
    try {
      const file = openSync(`${this.#path}.new`, 'w')
      writeSync(file, text)
      fsyncSync(file)
      closeSync(file)
      renameSync(`${this.#path}.new`, this.#path)
    } catch {
      rmSync(`${this.#path}.new`, { force: true })
    }
  }

  /** They stand in the ledger now. */
  clear(): void {
    rmSync(this.#path, { force: true })
  }
}
