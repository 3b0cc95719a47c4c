import type { Statement } from 'better-sqlite3'
import { SyncError } from '../errors.ts'
import type { Database } from '../outbox/database.ts'
import { LANES, type Lane, type Origin } from '../record.ts'
import type { Positions } from '../uplink.ts'

/** One (vehicle, epoch) and how far each of its lanes is kept here. */
export interface OriginState {
  readonly id: number
  readonly origin: Origin
  readonly positions: Positions
  /** Of the record at each position (`tipOf`); empty where it is not known. */
  readonly tips: Record<Lane, string>
  /** At or above the row of the store that holds its newest record. */
  batch: number
}

/** A record of the log, as far as it tells how far its origin got. */
export interface Mark {
  readonly lane: Lane
  readonly seq: number
  readonly tip: string
}

type Tips = [critical: string, events: string, telemetry: string]
type Row = [string, string, number, number, number, number, number, ...Tips]

/** Kept in memory at most, about 250 bytes each; those beyond are looked up in the file. */
const MAX_CACHED = 200_000
const TIPS = LANES.map((lane) => `${lane}Tip`)
const COLUMNS = ['vehicle, epoch, id, critical, events, telemetry, batch', ...TIPS].join(', ')

/**
 * How far each (vehicle, epoch) got here. Positions move in memory while the same transaction adds
 * the records to the log, and are written to the table now and then (`fold`): with 100,000 vehicles
 * that send one record each, a row to update for each record would be most of the work.
 */
export class OriginTable {
  readonly #maxVehicles: number
  readonly #maxEpochs: number
  /** At least so many more vehicles fit, as far as this process knows. */
  #room = 0
  /** Vehicles in the table; undefined until they are counted, which reads all of it. */
  #counted: number | undefined
  /**
   * By vehicle, each with its few epochs. Not by a text of both: to put such a text together and to
   * hash it, for every message anew, took a tenth of the intake's time.
   */
  readonly #known = new Map<string, OriginState[]>()
  readonly #byId = new Map<number, OriginState>()
  readonly #moved = new Set<OriginState>()
  readonly #find: Statement<[string, string], Row>
  readonly #findId: Statement<[number], Row>
  readonly #insert: Statement<[string, string]>
  readonly #move: Statement<[number, number, number, number, ...Tips, number]>
  readonly #vehicles: Statement<[], number>
  readonly #epochs: Statement<[string], number>
  readonly #old: Statement<[string, string, number], number>
  readonly #delete: Statement<[number]>

  constructor(db: Database, limits: { maxVehicles: number; maxEpochsPerVehicle: number }) {
    this.#maxVehicles = limits.maxVehicles
    this.#maxEpochs = limits.maxEpochsPerVehicle
    const select = `SELECT ${COLUMNS} FROM origin`
    this.#find = db.prepare(`${select} WHERE vehicle = ? AND epoch = ?`).raw() as never
    this.#findId = db.prepare(`${select} WHERE id = ?`).raw() as never
    this.#insert = db.prepare("INSERT INTO origin VALUES (NULL, ?, ?, 0, 0, 0, 0, '', '', '')")
    this.#move = db.prepare(
      `UPDATE origin SET critical = ?, events = ?, telemetry = ?, batch = ?,
         ${TIPS.map((tip) => `${tip} = ?`).join(', ')} WHERE id = ?`,
    )
    this.#vehicles = db.prepare('SELECT count(DISTINCT vehicle) FROM origin').pluck() as never
    this.#epochs = db.prepare('SELECT count(*) FROM origin WHERE vehicle = ?').pluck() as never
    // A row that records still wait under is needed to name them.
    this.#old = db
      .prepare(
        `SELECT id FROM origin WHERE vehicle = ? AND id IN (
           SELECT id FROM origin WHERE vehicle = ? ORDER BY id DESC LIMIT -1 OFFSET ?
         ) AND batch < coalesce((SELECT min(id) FROM batch), 9e15)`,
      )
      .pluck() as never
    this.#delete = db.prepare('DELETE FROM origin WHERE id = ?')
  }

  get vehicles(): number {
    this.#counted ??= this.#vehicles.get() ?? 0
    return this.#counted
  }

  find(origin: Origin): OriginState | undefined {
    const { vehicle, epoch } = origin
    const known = this.#known.get(vehicle)?.find((state) => state.origin.epoch === epoch)
    return known ?? this.#remember(this.#find.get(vehicle, epoch))
  }

  /** Finds an origin or begins it; `born` says which. Belongs into a transaction. */
  get(origin: Origin): { state: OriginState; born: boolean } {
    const known = this.find(origin)
    if (known) return { state: known, born: false }
    const { vehicle, epoch } = origin
    const epochs = this.#epochs.get(vehicle) ?? 0
    if (epochs === 0 && this.#full) {
      throw new SyncError('RECORD_INVALID', `more than ${this.#maxVehicles} vehicles`, {
        hint: 'Raise the relay’s maxVehicles, or look for a sender that makes up names.',
      })
    }
    this.#room--
    if (epochs === 0 && this.#counted !== undefined) this.#counted++
    const id = Number(this.#insert.run(vehicle, epoch).lastInsertRowid)
    if (epochs >= this.#maxEpochs) this.#prune(vehicle)
    return { state: this.#remember([vehicle, epoch, id, 0, 0, 0, 0, '', '', ''])!, born: true }
  }

  byId(id: number): Origin {
    if (this.#byId.size > MAX_CACHED && this.#moved.size === 0) this.reload()
    return this.#state(id)!.origin
  }

  /** Its positions or its row have changed. */
  moved(state: OriginState): void {
    this.#moved.add(state)
  }

  /** A record of the log that the table may not know of yet. */
  mark(id: number, { lane, seq, tip }: Mark, batch: number): void {
    const state = this.#state(id)
    if (!state) return
    if (seq >= state.positions[lane]) {
      state.positions[lane] = seq
      state.tips[lane] = tip
    }
    state.batch = batch
    this.#moved.add(state)
  }

  /** Writes what has moved into the table, inside the transaction that says so in the log. */
  fold(): void {
    // In the table's order: each of its pages is written once.
    for (const { id, positions, tips, batch } of [...this.#moved].sort((a, b) => a.id - b.id)) {
      const { critical, events, telemetry } = positions
      const ofTips: Tips = [tips.critical, tips.events, tips.telemetry]
      this.#move.run(critical, events, telemetry, batch, ...ofTips, id)
    }
    this.#moved.clear()
    if (this.#byId.size > MAX_CACHED) this.reload()
  }

  /** Forgets all that is in memory; `mark` brings back what the table does not know. */
  reload(): void {
    this.#known.clear()
    this.#byId.clear()
    this.#moved.clear()
    this.#room = 0
    this.#counted = undefined
  }

  /** Counts anew only when the room that was counted last is used up: a fleet comes all at once. */
  get #full(): boolean {
    if (this.#room <= 0) this.#room = this.#maxVehicles - this.vehicles
    return this.#room <= 0
  }

  #prune(vehicle: string): void {
    this.fold()
    for (const id of this.#old.all(vehicle, vehicle, this.#maxEpochs)) {
      this.#delete.run(id)
      this.#byId.delete(id)
    }
    const left = this.#known.get(vehicle)?.filter(({ id }) => this.#byId.has(id))
    this.#known.set(vehicle, left ?? [])
  }

  #state(id: number): OriginState | undefined {
    return this.#byId.get(id) ?? this.#remember(this.#findId.get(id))
  }

  #remember(row: Row | undefined): OriginState | undefined {
    if (!row) return undefined
    const [vehicle, epoch, id, critical, events, telemetry, batch, ...ofTips] = row
    const positions = { critical, events, telemetry }
    const tips = { critical: ofTips[0], events: ofTips[1], telemetry: ofTips[2] }
    const state = { id, origin: { vehicle, epoch }, positions, tips, batch }
    const others = this.#known.get(vehicle)
    if (others) others.push(state)
    else this.#known.set(vehicle, [state])
    this.#byId.set(id, state)
    return state
  }
}
