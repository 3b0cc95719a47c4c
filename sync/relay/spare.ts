import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { allocate } from '../outbox/allocate.ts'

/** SQLite's shared memory (32 KiB), a log of one transaction, the columns that an older store lacks. */
const SPARE_BYTES = 256 * 1024

/**
 * Room on the disk that a store owns so that it can be opened when others have taken the last byte: SQLite
 * needs a shared-memory file to open it at all, as several connections use it, and deletes it at the end.
 */
export class Spare {
  readonly #path: string

  constructor(storePath: string) {
    this.#path = `${storePath}-spare`
  }

  /** Sees to it that the room is there, where the disk has it; whole or not at all. */
  keep(): void {
    if (existsSync(this.#path)) return
    try {
      const file = openSync(this.#path, 'w')
      const whole = allocate(file, 0, SPARE_BYTES)
      closeSync(file)
      if (!whole) this.spend()
    } catch {
      // A disk without a free inode, or that is read-only: the store itself tells of that.
    }
  }

  /** Gives the room to who needs it now; false where there was none. */
  spend(): boolean {
    const had = existsSync(this.#path)
    rmSync(this.#path, { force: true })
    return had
  }
}
