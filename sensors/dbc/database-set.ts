import type { Database, DbcMessage } from './database.ts'

/** Two messages that claim the same frames; the first one is used. */
export interface Conflict {
  readonly used: DbcMessage
  readonly ignored: DbcMessage
}

const STANDARD_IDS = 0x800

/**
 * The parameter group of a 29-bit J1939 identifier (SAE J1939-21, 5.1.2): priority and source
 * address do not count, nor does the destination address where the PDU format is below 240.
 */
export function pgnOf(id: number): number {
  const pgn = (id >>> 8) & 0x3ffff
  return (pgn & 0xff00) < 0xf000 ? pgn & 0x3ff00 : pgn
}

/**
 * The DBC files of one bus, searched by identifier. Where two files describe one identifier, the
 * file named first is used; `conflicts` lists the pairs that are not alike. Within one file the
 * last one counts, as in cantools, so that a file means the same to both.
 *
 * A message declared as J1939 also takes frames of its parameter group from any source address, with
 * any priority, unless another message has that very identifier.
 */
export class DatabaseSet {
  readonly databases: readonly Database[]
  readonly conflicts: readonly Conflict[]
  /** The messages in use. */
  readonly messages: readonly DbcMessage[]
  readonly #standard = new Array<DbcMessage | undefined>(STANDARD_IDS).fill(undefined)
  readonly #extended = new Map<number, DbcMessage>()
  readonly #groups = new Map<number, DbcMessage>()

  constructor(databases: readonly Database[]) {
    this.databases = databases
    const conflicts: Conflict[] = []
    for (const database of databases) {
      for (const message of database.messages) this.#add(message, conflicts)
    }
    this.conflicts = conflicts
    const standard = this.#standard.filter((message) => message !== undefined)
    this.messages = [...standard, ...this.#extended.values()]
    for (const message of this.#extended.values()) {
      const pgn = pgnOf(message.id)
      if (message.j1939 && !this.#groups.has(pgn)) this.#groups.set(pgn, message)
    }
  }

  /** The message of a frame, or undefined. */
  find(id: number, ext: boolean): DbcMessage | undefined {
    if (!ext) return this.#standard[id]
    return this.#extended.get(id) ?? this.#groups.get(pgnOf(id))
  }

  #add(message: DbcMessage, conflicts: Conflict[]): void {
    const { id, ext } = message
    const before = ext ? this.#extended.get(id) : this.#standard[id]
    if (before && !sameLayout(before, message)) {
      const sameFile = before.file === message.file
      conflicts.push(
        sameFile ? { used: message, ignored: before } : { used: before, ignored: message },
      )
    }
    if (before && before.file !== message.file) return
    if (ext) this.#extended.set(id, message)
    else this.#standard[id] = message
  }
}

/** Do both give the same readings of every frame? */
function sameLayout(a: DbcMessage, b: DbcMessage): boolean {
  return a.name === b.name && layoutText(a) === layoutText(b)
}

function layoutText(message: DbcMessage): string {
  const signals = message.signals.map((s) => [
    s.name,
    s.startBit,
    s.bitLength,
    s.littleEndian,
    s.signed,
    s.float,
    s.factor,
    s.offset,
    s.unit,
    s.mux?.multiplexer.name,
    s.mux?.ranges,
  ])
  return JSON.stringify([message.length, signals])
}
