import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { LEDGER_TYPE, type LedgerEntry } from '../../../sync/ledger.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { LANES, type Lane, type StoredRecord } from '../../../sync/record.ts'
import { ledgerOf, openOutbox, readAll, record, tempFolder, textOf } from '../support.ts'

const MAX_BYTES = 1024 ** 2
const LIMITS = { maxBytes: MAX_BYTES, maxRecordBytes: 200_000 }

function fileBytes(path: string): number {
  const wal = `${path}-wal`
  return statSync(path).size + (existsSync(wal) ? statSync(wal).size : 0)
}

function fill(outbox: Outbox, lane: Lane, bytes: number, payload = 'x'.repeat(1000)): void {
  for (let left = bytes; left > 0; left -= 20 * payload.length) {
    outbox.append(Array.from({ length: 20 }, () => record(lane, payload)))
  }
}

const lanesOf = (outbox: Outbox) => {
  const { critical, events, telemetry } = outbox.stat().lanes
  return { critical: critical.records, events: events.records, telemetry: telemetry.records }
}

test('telemetry gives way first, then events, and only to what is worth as much', (t) => {
  const path = join(tempFolder(t), 'o.db')
  const outbox = openOutbox(t, { path, limits: LIMITS })
  fill(outbox, 'critical', 150_000)
  fill(outbox, 'events', 150_000)
  fill(outbox, 'telemetry', 3 * MAX_BYTES)
  const first = lanesOf(outbox)
  // Some ledger records stand on `critical` beside the 160.
  assert.ok(first.critical >= 160 && first.events === 160 && first.telemetry > 100)
  fill(outbox, 'events', 3 * MAX_BYTES)
  const second = lanesOf(outbox)
  assert.ok(second.critical >= 160 && second.events > 160 && second.telemetry === 0)
  // Nothing is left that telemetry may push aside: it has a seq, and stands in the ledger.
  const { first: refused } = outbox.append([record('telemetry', 'x'.repeat(60_000))])
  assert.equal(outbox.read('telemetry', 0, 1, 1).length, 0)
  const entries = ledgerOf(readAll(outbox)).filter(({ lane }) => lane === 'telemetry')
  assert.equal(entries.at(-1)?.lastSeq, refused)
  fill(outbox, 'critical', 3 * MAX_BYTES)
  const third = lanesOf(outbox)
  assert.ok(third.critical > 400 && third.events === 0 && third.telemetry === 0)
  assert.ok(fileBytes(path) <= MAX_BYTES, `${fileBytes(path)} bytes`)
})

test('the newest of a lane stay', (t) => {
  const outbox = openOutbox(t, { path: join(tempFolder(t), 'o.db'), limits: LIMITS })
  fill(outbox, 'telemetry', 2 * MAX_BYTES)
  const seqs = outbox.read('telemetry', 0, 1e6, 1e9).map(({ seq }) => seq)
  assert.equal(seqs.at(-1), outbox.lastSeq('telemetry'))
  const [evicted] = ledgerOf(readAll(outbox)).filter(({ cause }) => cause === 'evicted')
  assert.equal(evicted.firstSeq, 1)
  assert.ok(evicted.lastSeq! < seqs[0])
  assert.equal(outbox.stat().lanes.telemetry.evicted, evicted.count)
})

test('what is acknowledged goes without a word, what is on its way stays', (t) => {
  const outbox = openOutbox(t, { path: join(tempFolder(t), 'o.db'), limits: LIMITS })
  fill(outbox, 'telemetry', 300_000)
  const sent = outbox.read('telemetry', 0, 200, 1e9)
  outbox.acknowledge(sent)
  const held = outbox.read('telemetry', sent.at(-1)!.seq, 50, 1e9)
  outbox.hold({ critical: 0, events: 0, telemetry: held.at(-1)!.seq })
  fill(outbox, 'telemetry', 2 * MAX_BYTES)
  const left = outbox.read('telemetry', 0, 1e6, 1e9).map(({ seq }) => seq)
  assert.deepEqual(
    left.slice(0, 50),
    held.map(({ seq }) => seq),
  )
  const [evicted] = ledgerOf(readAll(outbox)).filter(({ cause }) => cause === 'evicted')
  assert.ok(evicted.firstSeq! > held.at(-1)!.seq)
})

test('months offline leave a ledger of a few records with exact sums', (t) => {
  const outbox = openOutbox(t, { path: join(tempFolder(t), 'o.db'), limits: LIMITS })
  for (let i = 0; i < 40; i++) fill(outbox, i % 2 ? 'telemetry' : 'events', MAX_BYTES / 4)
  const records = readAll(outbox)
  assert.ok(records.filter(({ type }) => type === LEDGER_TYPE).length <= 2)
  for (const lane of ['events', 'telemetry'] as const) {
    const counted = ledgerOf(records).filter((e) => e.lane === lane && e.cause === 'evicted')
    const sum = counted.reduce((total, { count }) => total + count!, 0)
    assert.equal(sum, outbox.stat().lanes[lane].evicted)
    assert.ok(sum > 1000)
  }
})

test('a dead record is the first to go', (t) => {
  const outbox = openOutbox(t, { path: join(tempFolder(t), 'o.db'), limits: LIMITS })
  const { first } = outbox.append([record('events', 'x'.repeat(60_000))])
  outbox.bury({ lane: 'events', seq: first }, 'refused')
  fill(outbox, 'telemetry', MAX_BYTES)
  assert.equal(outbox.stat().deadRecords, 0)
})

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
    const folder = tempFolder(t)
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
