import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import type { StoredRecord } from '../../../sync/record.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { ledgerOf, openOutbox, readAll, record, textOf } from '../support.ts'

test('a record comes back as it went in', (t) => {
  const outbox = openOutbox(t, { path: join(tempDir(t), 'deep', 'er', 'o.db') })
  const bytes = Uint8Array.from([0, 255, 10, 13])
  const given = [
    record('events', 'häß €', { timeUs: 1_795_000_000_123_456, monoUs: 1.5, clock: 'unsynced' }),
    record('critical', bytes, { contentType: 'application/octet-stream', type: 't2' }),
    record('events', ''),
  ]
  assert.deepEqual(outbox.append(given), { first: 1, last: 3 })
  const [event, empty] = outbox.read('events', 0, 10, 1e6)
  assert.deepEqual(
    { ...event, payload: textOf(event) },
    {
      lane: 'events',
      seq: 1,
      prev: 0,
      type: 'milepost.test.v1',
      timeUs: 1_795_000_000_123_456,
      monoUs: 2,
      bootId: 'boot-1',
      clock: 'unsynced',
      contentType: 'application/json',
      payload: 'häß €',
    },
  )
  assert.equal(empty.prev, 1)
  assert.equal(empty.payload.length, 0)
  const [critical] = outbox.read('critical', 0, 10, 1e6)
  assert.deepEqual(Buffer.from(critical.payload), Buffer.from(bytes))
  assert.equal(critical.contentType, 'application/octet-stream')
  assert.equal(critical.type, 't2')
})

test('each lane is a chain, whatever goes to the others and however often the file is opened', (t) => {
  const path = join(tempDir(t), 'o.db')
  const seen: StoredRecord[] = []
  for (let run = 0; run < 4; run++) {
    const outbox = Outbox.open({ path, vehicle: 'v1', bootId: `boot-${run}` })
    for (let i = 0; i < 20; i++) {
      outbox.append([
        record(i % 3 ? 'telemetry' : 'events', `${run}.${i}`),
        record('critical', 'c'),
      ])
    }
    // What goes away must leave the chain alone.
    if (run === 1) outbox.release({ critical: 30, events: 10, telemetry: outbox.seq })
    if (run === 3) seen.push(...readAll(outbox))
    outbox.close()
  }
  for (const lane of ['critical', 'events', 'telemetry'] as const) {
    const chain = seen.filter((r) => r.lane === lane)
    assert.ok(chain.length > 10)
    for (let i = 1; i < chain.length; i++) assert.equal(chain[i].prev, chain[i - 1].seq)
  }
  assert.equal(Math.max(...seen.map(({ seq }) => seq)), 160)
  assert.deepEqual([...new Set(seen.map(({ bootId }) => bootId))].sort().at(-1), 'boot-3')
})

test('a seq is never given twice, not even when nothing is left', (t) => {
  const path = join(tempDir(t), 'o.db')
  let expected = 0
  let epoch = ''
  for (let run = 0; run < 5; run++) {
    const outbox = Outbox.open({ path, vehicle: 'v1', bootId: 'b' })
    if (run > 0) assert.equal(outbox.epoch, epoch)
    epoch = outbox.epoch
    assert.equal(outbox.seq, expected)
    assert.equal(
      outbox.append([record('telemetry', 'a'), record('events', 'b')]).first,
      expected + 1,
    )
    expected += 2
    assert.equal(outbox.lastSeq('events'), expected)
    outbox.release({ critical: 0, events: expected, telemetry: expected })
    assert.equal(readAll(outbox).length, 0)
    outbox.close()
  }
})

test('reading stops at a number and at a size, but gives at least one', (t) => {
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db') })
  outbox.append(Array.from({ length: 10 }, () => record('events', 'x'.repeat(100))))
  assert.equal(outbox.read('events', 0, 3, 1e6).length, 3)
  assert.equal(outbox.read('events', 0, 100, 450).length, 4)
  assert.equal(outbox.read('events', 0, 100, 1).length, 1)
  assert.deepEqual(
    outbox.read('events', 7, 100, 1e6).map(({ seq }) => seq),
    [8, 9, 10],
  )
  assert.equal(outbox.read('events', 10, 100, 1e6).length, 0)
})

test('stat tells what waits, acknowledged or not yet', (t) => {
  const path = join(tempDir(t), 'o.db')
  const outbox = openOutbox(t, { path })
  outbox.append([
    record('events', 'abc', { timeUs: 7 }),
    record('events', 'de', { timeUs: 9 }),
    record('telemetry', 'f'),
  ])
  const empty = { records: 0, bytes: 0, oldestTimeUs: 0, lastSeq: 0, ackedSeq: 0 }
  const none = { evicted: 0, dropped: 0 }
  const { lanes } = outbox.stat()
  assert.deepEqual(lanes.critical, { ...empty, ...none })
  assert.deepEqual(lanes.events, {
    ...empty,
    ...none,
    records: 2,
    bytes: 5,
    oldestTimeUs: 7,
    lastSeq: 2,
  })
  outbox.acknowledge(outbox.read('events', 0, 1, 1e6))
  const after = outbox.stat().lanes.events
  assert.deepEqual([after.records, after.bytes, after.oldestTimeUs, after.ackedSeq], [1, 2, 9, 1])
  assert.equal(outbox.unreleased, 1)
  outbox.release()
  assert.equal(outbox.unreleased, 0)
  assert.equal(outbox.read('events', 0, 10, 1e6).length, 1)
  assert.deepEqual(outbox.stat().lanes.events, after)
  const { fileBytes, walBytes } = outbox.stat()
  assert.equal(fileBytes, statSync(path).size + walBytes)
  assert.ok(walBytes > 0)
})

test('counters are right after a reopen without a close', (t) => {
  const folder = tempDir(t)
  const path = join(folder, 'o.db')
  // A second process that never closes: what is left is what a crash leaves.
  const script = `
    import { Outbox } from ${JSON.stringify(new URL('../../../sync/outbox/outbox.ts', import.meta.url).href)}
    const outbox = Outbox.open({ path: ${JSON.stringify(path)}, vehicle: 'v1', bootId: 'b' })
    const make = (lane, n) => Array.from({ length: n }, () => ({ lane, type: 't', timeUs: 1, monoUs: 1, clock: 'synced', payload: 'xy' }))
    outbox.append([...make('events', 30), ...make('telemetry', 70)])
    outbox.release({ critical: 0, events: 10, telemetry: 50 })
    outbox.append(make('telemetry', 12345))
    outbox.append(make('events', 5))
    process.kill(process.pid, 'SIGKILL')`
  const child = spawnSync(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', script])
  assert.equal(child.signal, 'SIGKILL', child.stderr.toString())
  const outbox = openOutbox(t, { path })
  const { lanes, seq } = outbox.stat()
  assert.equal(seq, 100 + 12345 + 5)
  assert.deepEqual([lanes.events.records, lanes.events.bytes, lanes.events.lastSeq], [25, 50, seq])
  assert.deepEqual(
    [lanes.telemetry.records, lanes.telemetry.bytes],
    [20 - 0 + 12345 + 30, 2 * 12395],
  )
  assert.equal(lanes.telemetry.lastSeq, 12445)
})

test('what is no record is refused, and nothing of its batch is kept', (t) => {
  const outbox = openOutbox(t, {
    path: join(tempDir(t), 'o.db'),
    limits: { maxRecordBytes: 1000 },
  })
  for (const bad of [
    record('events', 'x'.repeat(1001)),
    record('events', 'x', { type: '' }),
    record('nonsense' as 'events', 'x'),
  ]) {
    assert.throws(() => outbox.append([record('events', 'good'), bad]), { code: 'RECORD_INVALID' })
  }
  assert.equal(outbox.append([record('events', 'x'.repeat(1000))]).first, 1)
  assert.equal(readAll(outbox).length, 1)
})

test('times of this boot are repaired, others stay', (t) => {
  const path = join(tempDir(t), 'o.db')
  const earlier = Outbox.open({ path, vehicle: 'v1', bootId: 'boot-0' })
  earlier.append([record('events', 'old', { clock: 'unsynced', timeUs: 3, monoUs: 3 })])
  earlier.close()
  const outbox = openOutbox(t, { path })
  const unsynced = { clock: 'unsynced', timeUs: 1, monoUs: 1000 } as const
  outbox.append([
    record('critical', 'held', unsynced),
    record('critical', 'a', unsynced),
    record('events', 'synced', { timeUs: 42 }),
    ...Array.from({ length: 12_000 }, (_, i) =>
      record('telemetry', '', { ...unsynced, monoUs: i }),
    ),
  ])
  outbox.hold({ critical: 2, events: 0, telemetry: 0 })
  assert.equal(outbox.repairTimes('boot-1', 1_800_000_000_000_000), 12_001)
  assert.equal(outbox.repairTimes('boot-1', 7), 0)
  assert.equal(outbox.repairTimes('no-such-boot', 7), 0)
  const state = readAll(outbox).map(({ clock, timeUs }) => [clock, timeUs])
  assert.deepEqual(state.slice(0, 4), [
    ['unsynced', 1],
    ['repaired', 1_800_000_000_001_000],
    ['unsynced', 3],
    ['synced', 42],
  ])
  assert.deepEqual(state.at(-1), ['repaired', 1_800_000_000_011_999])
})

test('a buried record leaves its lane, stands in the ledger and is kept for a look', (t) => {
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db'), limits: { maxDeadRecords: 2 } })
  outbox.append(['a', 'b', 'c', 'd', 'e'].map((payload) => record('events', payload)))
  for (const seq of [2, 3, 5]) outbox.bury({ lane: 'events', seq }, 'too odd')
  outbox.bury({ lane: 'events', seq: 3 }, 'told once only')
  assert.deepEqual(outbox.read('events', 0, 9, 1e6).map(textOf), ['a', 'd'])
  const rejected = ledgerOf(readAll(outbox)).filter(({ cause }) => cause === 'rejected')
  assert.equal(
    rejected.reduce((sum, { count }) => sum + (count ?? 0), 0),
    3,
  )
  assert.deepEqual([rejected[0].firstSeq, rejected[0].lastSeq, rejected[0].lane], [2, 5, 'events'])
  assert.equal(outbox.stat().deadRecords, 2)
  assert.equal(outbox.stat().lanes.events.records, 2)
})

test('space is given back to the disk, the log stays small', (t) => {
  const path = join(tempDir(t), 'o.db')
  const outbox = openOutbox(t, { path })
  const batch = Array.from({ length: 1000 }, () => record('telemetry', 'x'.repeat(500)))
  for (let i = 0; i < 40; i++) outbox.append(batch)
  const full = outbox.stat()
  assert.ok(full.fileBytes > 20e6)
  assert.ok(full.walBytes < 6 * 1024 ** 2, `log of ${full.walBytes} bytes`)
  outbox.release({ critical: 0, events: 0, telemetry: outbox.seq - 10 })
  for (let i = 0; i < 20; i++) outbox.tend()
  assert.ok(outbox.stat().fileBytes < 2e6, `${outbox.stat().fileBytes} bytes left`)
  assert.equal(outbox.read('telemetry', 0, 100, 1e6).length, 10)
})
