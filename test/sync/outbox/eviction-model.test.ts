import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { LEDGER_TYPE, type LedgerEntry } from '../../../sync/ledger.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { LANES, type Lane, type StoredRecord } from '../../../sync/record.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { ledgerOf, record, textOf } from '../support.ts'

const MAX_BYTES = 1024 ** 2
const LIMITS = { maxBytes: MAX_BYTES, maxRecordBytes: 200_000 }

function fileBytes(path: string): number {
  const wal = `${path}-wal`
  return statSync(path).size + (existsSync(wal) ? statSync(wal).size : 0)
}

/** What happens to an outbox, as fast-check makes it up. */
type Step =
  | { kind: 'append'; records: { lane: Lane; bytes: number }[] }
  | { kind: 'deliver'; parts: number[]; lagging: boolean }
  | { kind: 'hold'; parts: number[] }
  | { kind: 'reopen'; crash: boolean }

/** All lanes alike, or mostly alarms, so that `critical` itself must give way. */
const lane = [1, 12].map((weight) =>
  fc.oneof(
    { arbitrary: fc.constant<Lane>('critical'), weight },
    { arbitrary: fc.constantFrom<Lane>('events', 'telemetry'), weight: 2 },
  ),
)
const parts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 })
const size = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 3_000 }), weight: 20 },
  { arbitrary: fc.integer({ min: 3_000, max: 60_000 }), weight: 1 },
)
/** As many of these as fit one transaction of so small a file. */
function oneTransaction<T extends { bytes: number }>(records: T[]): T[] {
  let sum = 0
  return records.filter(({ bytes }) => (sum += bytes + 8) < MAX_BYTES / 16)
}
const steps = lane.map(
  (lane): fc.Arbitrary<Step> =>
    fc.oneof(
      {
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          records: fc
            .array(fc.record({ lane, bytes: size }), { minLength: 0, maxLength: 60 })
            .map(oneTransaction),
        }),
        weight: 12,
      },
      {
        arbitrary: fc.record({
          kind: fc.constant('deliver' as const),
          parts,
          lagging: fc.boolean(),
        }),
        weight: 2,
      },
      { arbitrary: fc.record({ kind: fc.constant('hold' as const), parts }), weight: 1 },
      {
        arbitrary: fc.record({ kind: fc.constant('reopen' as const), crash: fc.boolean() }),
        weight: 1,
      },
    ),
)

for (const [i, mix] of ['all lanes alike', 'mostly critical'].entries()) {
  test(`whatever happens, a seq was delivered, or is here, or stands in the ledger: ${mix}`, (t) => {
    const folder = tempDir(t)
    let run = 0
    fc.assert(
      fc.property(fc.array(steps[i], { minLength: 30, maxLength: 120 }), (steps) => {
        const path = join(folder, `${run++}.db`)
        const model = new Model(path)
        try {
          for (const each of steps) model.take(each)
          model.reconcile()
        } finally {
          model.outbox.close()
        }
      }),
      {
        numRuns: Number(process.env.RUNS ?? 20),
        seed: Number(process.env.SEED ?? 20261123),
        endOnFailure: true,
        includeErrorInReport: true,
      },
    )
  })
}

/** The outbox beside what a simple mind expects of it. */
class Model {
  path: string
  outbox: Outbox
  /** Every `seq` that a record of ours got, with its lane. */
  readonly given = new Map<number, Lane>()
  readonly delivered = new Map<number, StoredRecord>()

  constructor(path: string) {
    this.path = path
    this.outbox = this.open()
  }

  open(): Outbox {
    return Outbox.open({ path: this.path, vehicle: 'v', bootId: 'b', limits: LIMITS })
  }

  take(step: Step): void {
    const { outbox } = this
    if (step.kind === 'append') {
      const before = outbox.seq
      const { first, last } = outbox.append(
        step.records.map(({ lane, bytes }) => record(lane, `${bytes}:`.padEnd(bytes, 'x'))),
      )
      assert.equal(first, before + 1)
      assert.equal(last - first + 1, step.records.length)
      step.records.forEach(({ lane }, i) => {
        this.given.set(first + i, lane)
      })
      assert.ok(fileBytes(this.path) <= MAX_BYTES, `${fileBytes(this.path)} bytes`)
    } else if (step.kind === 'deliver') {
      for (const [i, lane] of LANES.entries()) {
        const waiting = outbox.read(lane, outbox.stat().lanes[lane].ackedSeq, 1e9, 1e12)
        const taken = waiting.slice(0, Math.floor(waiting.length * step.parts[i]))
        for (const each of taken) {
          assert.ok(!this.delivered.has(each.seq), 'delivered twice')
          this.delivered.set(each.seq, each)
        }
        outbox.acknowledge(taken)
      }
      // A real pump holds nothing but what it sends.
      outbox.hold({ critical: 0, events: 0, telemetry: 0 })
      if (!step.lagging) outbox.release()
    } else if (step.kind === 'hold') {
      const at = (i: number, lane: Lane) => Math.floor(outbox.lastSeq(lane) * step.parts[i] * 0.3)
      outbox.hold({
        critical: at(0, 'critical'),
        events: at(1, 'events'),
        telemetry: at(2, 'telemetry'),
      })
    } else {
      // What was acknowledged and not released comes back with the positions of the other side.
      const { lanes, epoch } = outbox.stat()
      // The files as they lie there are what a kill would leave; a close would tidy them up.
      const files = ['', '-wal'].map(
        (suffix) => [suffix, readFileSync(this.path + suffix)] as const,
      )
      outbox.close()
      if (step.crash) {
        this.path += 'c'
        for (const [suffix, bytes] of files) writeFileSync(this.path + suffix, bytes)
      }
      this.outbox = this.open()
      assert.equal(this.outbox.epoch, epoch)
      this.outbox.release({
        critical: lanes.critical.ackedSeq,
        events: lanes.events.ackedSeq,
        telemetry: lanes.telemetry.ackedSeq,
      })
    }
    this.check()
  }

  /** The counters agree with the rows. */
  check(): void {
    const { lanes } = this.outbox.stat()
    for (const lane of LANES) {
      const rows = this.outbox.read(lane, lanes[lane].ackedSeq, 1e9, 1e12)
      assert.equal(lanes[lane].records, rows.length)
      assert.equal(
        lanes[lane].bytes,
        rows.reduce((sum, { payload }) => sum + payload.length, 0),
      )
    }
  }

  reconcile(): void {
    for (const lane of LANES) {
      for (const each of this.outbox.read(
        lane,
        this.outbox.stat().lanes[lane].ackedSeq,
        1e9,
        1e12,
      )) {
        assert.ok(!this.delivered.has(each.seq), 'delivered, and still here')
        this.delivered.set(each.seq, each)
      }
    }
    const entries = ledgerOf([...this.delivered.values()])
    for (const lane of LANES) {
      const here = [...this.delivered.values()].filter((each) => each.lane === lane)
      for (const each of here) {
        if (each.type === LEDGER_TYPE) continue
        assert.equal(this.given.get(each.seq), lane)
        const text = textOf(each)
        assert.ok(text.length <= 3 || Number(text.split(':')[0]) >= text.length - 7, 'payload')
      }
      this.#balance(lane, new Set(here.map(({ seq }) => seq)), entries)
    }
  }

  #balance(lane: Lane, present: Set<number>, entries: readonly LedgerEntry[]): void {
    const ours = entries.filter((entry) => entry.lane === lane && entry.firstSeq !== undefined)
    const told = ours.reduce((sum, { count }) => sum + count!, 0)
    const missing = [...this.given].filter(([seq, of]) => of === lane && !present.has(seq))
    for (const [seq] of missing) {
      assert.ok(
        ours.some(({ firstSeq, lastSeq }) => firstSeq! <= seq && seq <= lastSeq!),
        `${lane} ${seq} is missing and not told`,
      )
    }
    // On `critical` ledger records are missing too, those that were folded or gave way.
    const ledgers = lane === 'critical' ? this.#missingLedgers(present) : 0
    assert.equal(told, missing.length + ledgers, `ledger of ${lane}`)
  }

  /** Every seq that is not one of ours was a ledger record. */
  #missingLedgers(present: Set<number>): number {
    let count = 0
    for (let seq = 1; seq <= this.outbox.seq; seq++) {
      if (!this.given.has(seq) && !present.has(seq)) count++
    }
    return count
  }
}
