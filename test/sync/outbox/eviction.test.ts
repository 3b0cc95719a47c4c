import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LEDGER_TYPE } from '../../../sync/ledger.ts'
import type { Outbox } from '../../../sync/outbox/outbox.ts'
import type { Lane } from '../../../sync/record.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { ledgerOf, openOutbox, readAll, record } from '../support.ts'

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
  const path = join(tempDir(t), 'o.db')
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
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db'), limits: LIMITS })
  fill(outbox, 'telemetry', 2 * MAX_BYTES)
  const seqs = outbox.read('telemetry', 0, 1e6, 1e9).map(({ seq }) => seq)
  assert.equal(seqs.at(-1), outbox.lastSeq('telemetry'))
  const [evicted] = ledgerOf(readAll(outbox)).filter(({ cause }) => cause === 'evicted')
  assert.equal(evicted.firstSeq, 1)
  assert.ok(evicted.lastSeq! < seqs[0])
  assert.equal(outbox.stat().lanes.telemetry.evicted, evicted.count)
})

test('what is acknowledged goes without a word, what is on its way stays', (t) => {
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db'), limits: LIMITS })
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
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db'), limits: LIMITS })
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
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db'), limits: LIMITS })
  const { first } = outbox.append([record('events', 'x'.repeat(60_000))])
  outbox.bury({ lane: 'events', seq: first }, 'refused')
  fill(outbox, 'telemetry', MAX_BYTES)
  assert.equal(outbox.stat().deadRecords, 0)
})
