import type { Statement } from 'better-sqlite3'
import { SyncError } from '../errors.ts'
import type { Database } from '../outbox/database.ts'
import type { Origin } from '../record.ts'
import type { Positions } from '../uplink.ts'

interface Row extends Positions {
  readonly id: number
}

/** How far each (vehicle, epoch) got here. */
export class OriginTable {
  readonly #maxVehicles: number
  readonly #maxEpochs: number
  /** At least so many more vehicles fit, as far as this process knows. */
  #room = 0
  readonly #find: Statement<[string, string], Row>
  readonly #insert: Statement<[string, string]>
  readonly #move: Statement<[number, number, number, number]>
  readonly #byId: Statement<[number], Origin>
  readonly #vehicles: Statement<[], number>
  readonly #epochs: Statement<[string], number>
  readonly #prune: Statement<[string, string, number]>

  constructor(db: Database, limits: { maxVehicles: number; maxEpochsPerVehicle: number }) {
    this.#maxVehicles = limits.maxVehicles
    this.#maxEpochs = limits.maxEpochsPerVehicle
    this.#find = db.prepare(
      'SELECT id, critical, events, telemetry FROM origin WHERE vehicle = ? AND epoch = ?',
    )
    this.#insert = db.prepare('INSERT INTO origin VALUES (NULL, ?, ?, 0, 0, 0)')
    this.#move = db.prepare(
      'UPDATE origin SET critical = ?, events = ?, telemetry = ? WHERE id = ?',
    )
    this.#byId = db.prepare('SELECT vehicle, epoch FROM origin WHERE id = ?')
    this.#vehicles = db.prepare('SELECT count(DISTINCT vehicle) FROM origin').pluck() as never
    this.#epochs = db.prepare('SELECT count(*) FROM origin WHERE vehicle = ?').pluck() as never
    // A row that records still wait under is needed to name them.
    this.#prune = db.prepare(
      `DELETE FROM origin WHERE vehicle = ? AND id IN (
         SELECT id FROM origin WHERE vehicle = ? ORDER BY id DESC LIMIT -1 OFFSET ?
       ) AND id NOT IN (SELECT origin FROM critical) AND id NOT IN (SELECT origin FROM events)
         AND id NOT IN (SELECT origin FROM telemetry)`,
    )
  }

  get vehicles(): number {
    return this.#vehicles.get() ?? 0
  }

  /** Counts anew only when the room that was counted last is used up: a fleet comes all at once. */
  get #full(): boolean {
    if (this.#room <= 0) this.#room = this.#maxVehicles - this.vehicles
    return this.#room <= 0
  }

  find({ vehicle, epoch }: Origin): { id: number; positions: Positions } | undefined {
    const row = this.#find.get(vehicle, epoch)
    if (!row) return undefined
    const { id, critical, events, telemetry } = row
    return { id, positions: { critical, events, telemetry } }
  }

  /** Finds an origin or begins it; `born` says which. Belongs into a transaction. */
  get(origin: Origin): { id: number; positions: Positions; born: boolean } {
    const known = this.find(origin)
    if (known) return { ...known, born: false }
    const { vehicle, epoch } = origin
    const epochs = this.#epochs.get(vehicle) ?? 0
    if (epochs === 0 && this.#full) {
      throw new SyncError('RECORD_INVALID', `more than ${this.#maxVehicles} vehicles`, {
        hint: 'Raise the relay’s maxVehicles, or look for a sender that makes up names.',
      })
    }
    this.#room--
    const id = Number(this.#insert.run(vehicle, epoch).lastInsertRowid)
    if (epochs >= this.#maxEpochs) this.#prune.run(vehicle, vehicle, this.#maxEpochs)
    return { id, positions: { critical: 0, events: 0, telemetry: 0 }, born: true }
  }

  move(id: number, { critical, events, telemetry }: Positions): void {
    this.#move.run(critical, events, telemetry, id)
  }

  byId(id: number): Origin {
    return this.#byId.get(id)!
  }
}
