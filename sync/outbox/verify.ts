import { existsSync } from 'node:fs'
import { SyncError } from '../errors.ts'
import { LANES, type Lane } from '../record.ts'
import { loadCounters } from './counters.ts'
import type { Database } from './database.ts'
import { outboxFault } from './faults.ts'
import type { KeySource } from './key.ts'
import { LaneTable } from './lane-table.ts'
import { DEFAULT_OUTBOX_LIMITS } from './limits.ts'
import { openDatabase, ownerOf } from './schema.ts'
import { unlock } from './unlock.ts'

export interface LaneCheck {
  readonly records: number
  readonly bytes: number
  readonly firstSeq: number
  readonly lastSeq: number
  /** Places where the record before is not here: it was sent, evicted or rejected. */
  readonly gaps: number
}

export interface Verification {
  readonly path: string
  readonly ok: boolean
  readonly vehicle?: string
  readonly epoch?: string
  readonly lanes?: Record<Lane, LaneCheck>
  /** What is wrong, in words; empty where all is well. */
  readonly problems: readonly string[]
}

/** At most so many problems are told; a broken file has thousands of one kind. */
const MAX_PROBLEMS = 20

/** Whose outbox this is. Throws `OUTBOX_*` where it is none, or is in use. */
export function outboxOwner(path: string, source?: KeySource): { vehicle: string; epoch: string } {
  if (!existsSync(path)) {
    throw new SyncError('OUTBOX_FOREIGN', `there is no outbox at ${path}`, {
      hint: 'Name the agent’s config with -c, or its folder with --data-dir.',
    })
  }
  const key = unlock(path, source)
  try {
    return ownerOf(path, key)
  } catch (error) {
    throw outboxFault(error, path)
  }
}

/** Checks every page, row, chain and counter of an outbox that nobody uses; changes nothing in it. */
export function verifyOutbox(path: string, source?: KeySource): Verification {
  const problems: string[] = []
  let owner: { vehicle: string; epoch: string } | undefined
  let db: Database | undefined
  try {
    owner = outboxOwner(path, source)
    const limits = { ...DEFAULT_OUTBOX_LIMITS, maxBytes: 2 ** 40, maxCheckedBytes: 0 }
    db = openDatabase(path, owner.vehicle, limits, unlock(path, source)).db
    const answers = db.pragma(`integrity_check(${MAX_PROBLEMS})`) as { integrity_check: string }[]
    for (const { integrity_check } of answers) {
      if (integrity_check !== 'ok') problems.push(integrity_check)
    }
    const lanes = problems.length > 0 ? undefined : checkLanes(db, problems)
    return { path, ok: problems.length === 0, ...owner, ...(lanes && { lanes }), problems }
  } catch (error) {
    const fault = outboxFault(error, path)
    if (!(fault instanceof SyncError) || fault.code !== 'OUTBOX_CORRUPT') throw fault
    return { path, ok: false, ...owner, problems: [...problems, fault.message] }
  } finally {
    db?.close()
  }
}

function checkLanes(db: Database, problems: string[]): Record<Lane, LaneCheck> {
  const tables = {
    critical: new LaneTable(db, 'critical'),
    events: new LaneTable(db, 'events'),
    telemetry: new LaneTable(db, 'telemetry'),
  }
  const counters = loadCounters(db, tables)
  const checks = {} as Record<Lane, LaneCheck>
  for (const lane of LANES) {
    const check = checkLane(db, lane, problems)
    const { records, bytes } = counters.lanes[lane]
    if (records !== check.records || bytes !== check.bytes) {
      problems.push(
        `${lane}: ${check.records} rows of ${check.bytes} bytes, counted ${records} of ${bytes}`,
      )
    }
    checks[lane] = check
  }
  return checks
}

function checkLane(db: Database, lane: Lane, problems: string[]): LaneCheck {
  const rows = db
    .prepare<[], [number, number, number, number]>(
      `SELECT seq, back, length(payload),
         EXISTS (SELECT 1 FROM kind WHERE id = row.kind)
           AND EXISTS (SELECT 1 FROM boot WHERE id = row.boot)
       FROM ${lane} AS row ORDER BY seq`,
    )
    .raw()
  let [records, bytes, gaps, firstSeq, lastSeq] = [0, 0, 0, 0, 0]
  for (const [seq, back, length, named] of rows.iterate() as Iterable<
    [number, number, number, number]
  >) {
    if (back <= 0 || back > seq || (records > 0 && seq - back < lastSeq) || !named) {
      if (problems.length < MAX_PROBLEMS)
        problems.push(`${lane}: row ${seq} does not fit its chain`)
    }
    if (records > 0 && seq - back !== lastSeq) gaps++
    firstSeq ||= seq
    lastSeq = seq
    records++
    bytes += length
  }
  return { records, bytes, firstSeq, lastSeq, gaps }
}
