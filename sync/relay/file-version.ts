import type { Statement } from 'better-sqlite3'
import type { Database } from '../outbox/database.ts'

/**
 * Whether another process, or another thread's connection, has changed a file since it was asked last
 * (`PRAGMA data_version`). Asked for two things: all that is remembered of the file, or only which
 * records there are, for which a reader needs less.
 */
export class FileVersion {
  readonly #now: Statement<[], number>
  #allOf = -1
  #recordsOf = -1

  constructor(db: Database) {
    this.#now = db.prepare('PRAGMA data_version').pluck() as never
  }

  /** All is to be learned anew; the caller does so. */
  allIsOld(): boolean {
    const now = this.#now.get()!
    if (now === this.#allOf) return false
    this.#allOf = now
    return true
  }

  /** Which records there are is to be learned anew; the caller does so. */
  recordsAreOld(): boolean {
    const now = this.#now.get()!
    if (now === this.#allOf || now === this.#recordsOf) return false
    this.#recordsOf = now
    return true
  }

  /** What is in memory went further than what is in the file. */
  forget(): void {
    this.#allOf = this.#recordsOf = -1
  }
}
