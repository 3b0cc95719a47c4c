import type { Database, Statement } from 'better-sqlite3'
import { SyncError } from '../errors.ts'

/** Far more kinds or boots than an outbox can hold on a sane device; a bound against a runaway. */
const MAX_WORDS = 10_000

/** A small table that gives each text (or pair of texts) a number, so that rows stay short. */
export class Dictionary {
  readonly #table: string
  readonly #ids = new Map<string, number>()
  readonly #words = new Map<number, readonly string[]>()
  readonly #insert: Statement
  readonly #all: Statement<[], [number, ...string[]]>

  constructor(db: Database, table: 'kind' | 'boot') {
    this.#table = table
    const columns = table === 'kind' ? 2 : 1
    this.#insert = db.prepare(`INSERT INTO ${table} VALUES (NULL${', ?'.repeat(columns)})`)
    this.#all = db.prepare(`SELECT * FROM ${table}`)
    this.#all.raw()
    this.reload()
  }

  /** Forgets what a rolled-back transaction added. */
  reload(): void {
    this.#ids.clear()
    this.#words.clear()
    for (const [id, ...words] of this.#all.iterate()) this.#learn(id, words)
  }

  /** The number of these words, given at first sight. To be called inside a transaction. */
  id(word: string, second?: string): number {
    const known = this.#ids.get(second === undefined ? word : `${word}\n${second}`)
    if (known !== undefined) return known
    if (this.#ids.size >= MAX_WORDS) {
      throw new SyncError('RECORD_INVALID', `more than ${MAX_WORDS} ${this.#table}s of records`, {
        hint: 'Put what varies into the payload, not into the type.',
      })
    }
    const words = second === undefined ? [word] : [word, second]
    const id = Number(this.#insert.run(...words).lastInsertRowid)
    this.#learn(id, words)
    return id
  }

  /** The number of these words, if they have one. */
  find(...words: string[]): number | undefined {
    return this.#ids.get(words.join('\n'))
  }

  words(id: number): readonly string[] {
    return this.#words.get(id) ?? []
  }

  #learn(id: number, words: readonly string[]): void {
    this.#ids.set(words.join('\n'), id)
    this.#words.set(id, words)
  }
}
