import type { Database, Statement } from 'better-sqlite3'

/**
 * Remembers in the file from which `seq` on records of this boot have no known time: a repair then looks
 * at those, and at nothing where there are none, also after the agent was started again.
 */
export class UnsyncedMark {
  readonly #bootId: string
  readonly #get: Statement<[], string>
  readonly #put: Statement
  readonly #delete: Statement
  /** 0: there are none. */
  #seq = 0

  constructor(db: Database, bootId: string) {
    this.#bootId = bootId
    this.#get = db.prepare("SELECT value FROM meta WHERE key = 'unsynced'").pluck() as never
    this.#put = db.prepare("INSERT OR REPLACE INTO meta VALUES ('unsynced', ?)")
    this.#delete = db.prepare("DELETE FROM meta WHERE key = 'unsynced'")
    this.reload()
  }

  /** Forgets what a rolled-back transaction noted. */
  reload(): void {
    const [boot, seq] = (this.#get.get() ?? '').split(' ')
    this.#seq = boot === this.#bootId ? Number(seq) : 0
  }

  get seq(): number {
    return this.#seq
  }

  /** A record of this boot was kept and does not know its time; to be called inside a transaction. */
  note(seq: number): void {
    if (this.#seq > 0) return
    this.#put.run(`${this.#bootId} ${seq}`)
    this.#seq = seq
  }

  /** They have their times; to be called inside a transaction. */
  clear(): void {
    this.#delete.run()
    this.#seq = 0
  }
}
