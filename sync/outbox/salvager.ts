import { existsSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import type { LedgerEntry } from '../ledger.ts'
import { LANES, type Lane } from '../record.ts'
import { DamagedFile, type SalvagedRecord } from './damaged.ts'
import type { Key } from './key.ts'

/** Salvage goes on for so long at a time, so that new records need not wait for it. */
export const SALVAGE_MS = 200

/** Taken over in one transaction. */
const STEP_RECORDS = 500
const STEP_BYTES = 256 * 1024

/** How far one lane has come. */
interface LaneProgress {
  afterSeq: number
  salvaged: number
  /** Of these, up to the mark of the damaged file. */
  marked: number
  firstSeq: number
  holeFirst: number
  holeLast: number
  done: boolean
}

interface Progress {
  readonly file: string
  epoch: string | undefined
  readonly lanes: Record<Lane, LaneProgress>
}

/** Keeps records and losses, and does the rest of the work in the same transaction. */
export type Keep = (
  records: readonly SalvagedRecord[],
  losses: readonly LedgerEntry[],
  also: () => void,
) => void

/**
 * Takes the records of a file that was put aside over into the new one, a step at a time, `critical`
 * first. How far it came stands in the new file, written with the records themselves: a kill at any
 * instant takes none over twice.
 */
export class Salvager {
  readonly #db: Database
  readonly #keep: Keep
  readonly #key: Key | undefined
  #progress: Progress | undefined
  #source: DamagedFile | undefined

  constructor(db: Database, keep: Keep, key?: Key) {
    this.#db = db
    this.#keep = keep
    this.#key = key
    const row = db.prepare("SELECT value FROM meta WHERE key = 'salvage'").pluck().get()
    if (typeof row === 'string') this.#progress = JSON.parse(row) as Progress
  }

  get busy(): boolean {
    return this.#progress !== undefined
  }

  /** To be called in the transaction that tells of the damage. */
  begin(file: string, epoch: string | undefined): void {
    const lane = (): LaneProgress => ({
      afterSeq: 0,
      salvaged: 0,
      marked: 0,
      firstSeq: 0,
      holeFirst: 0,
      holeLast: 0,
      done: false,
    })
    const lanes = { critical: lane(), events: lane(), telemetry: lane() }
    this.#write({ file, epoch, lanes })
  }

  /** Some more records; to be called while `busy`. */
  step(): void {
    const progress = this.#progress
    if (!progress) return
    const lane = LANES.find((name) => !progress.lanes[name].done)
    const source = this.#open(progress.file)
    if (!lane || !source) {
      this.#finish(progress)
      return
    }
    const epoch = progress.epoch ?? source.epoch
    const salvage = source.read(lane, progress.lanes[lane].afterSeq, STEP_RECORDS, STEP_BYTES)
    const { records, holes } = salvage
    const next = { ...progress.lanes[lane], afterSeq: salvage.afterSeq, done: salvage.done }
    const markedSeq = source.marked(lane)?.markedSeq ?? 0
    next.salvaged += records.length
    next.marked += records.filter(({ seq }) => seq <= markedSeq).length
    next.firstSeq ||= records[0]?.seq ?? 0
    next.holeFirst ||= holes[0]?.firstSeq ?? 0
    next.holeLast = holes.at(-1)?.lastSeq ?? next.holeLast
    const losses = salvage.done ? this.#account(source, lane, next, epoch) : []
    const lanes = { ...progress.lanes, [lane]: next }
    this.#keep(records, losses, () => this.#write({ ...progress, epoch, lanes }))
  }

  close(): void {
    this.#source?.close()
    this.#source = undefined
  }

  /** What the ledger says of a lane of the old epoch. */
  #account(
    source: DamagedFile,
    lane: Lane,
    progress: LaneProgress,
    epoch: string | undefined,
  ): LedgerEntry[] {
    const { salvaged, marked, firstSeq, afterSeq, holeFirst, holeLast } = progress
    const entries: LedgerEntry[] = []
    const head = { lane, ...(epoch && { epoch }) }
    if (salvaged > 0) {
      const range = { firstSeq, lastSeq: afterSeq, count: salvaged }
      entries.push({ ...head, cause: 'salvaged', ...range })
    }
    const mark = source.marked(lane)
    const afterMark = holeLast > (mark?.markedSeq ?? 0)
    const count = mark && !afterMark ? Math.max(0, mark.records - marked) : null
    if (holeLast > 0) {
      entries.push({ ...head, cause: 'corrupt', firstSeq: holeFirst, lastSeq: holeLast, count })
    }
    return entries
  }

  #finish({ file }: Progress): void {
    this.close()
    const gone = existsSync(file) ? [] : [lostFile(file)]
    this.#keep([], gone, () => {
      this.#db.exec("DELETE FROM meta WHERE key = 'salvage'")
    })
    this.#progress = undefined
  }

  #open(file: string): DamagedFile | undefined {
    if (this.#source) return this.#source
    try {
      this.#source = DamagedFile.open(file, this.#key)
    } catch {
      return undefined
    }
    return this.#source
  }

  #write(progress: Progress): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO meta VALUES ('salvage', ?)")
      .run(JSON.stringify(progress))
    this.#progress = progress
  }
}

function lostFile(file: string): LedgerEntry {
  return { cause: 'corrupt', lane: null, count: null, detail: `${file} is gone` }
}
