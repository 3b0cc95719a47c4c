import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { LANES } from '../../sync/record.ts'
import { tempDir } from '../support/temp-dir.ts'
import { TYPESCRIPT } from '../support/typescript.ts'
import { ledgerOf, openOutbox, readAll, record, startSync, textOf, until } from './support.ts'

test('what is appended is in the file, in order, byte for byte', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const sync = await startSync(t, path)
  const bytes = new Uint8Array(300).map((_, i) => i)
  for (let i = 0; i < 5000; i++) {
    const lane = LANES[i % 3]
    if (i % 100 === 7) sync.append(record(lane, bytes, { contentType: 'application/octet-stream' }))
    else sync.append(record(lane, `häß ${i} €`, { type: `t${i % 5}`, timeUs: i, monoUs: i * 2 }))
  }
  // The caller may reuse its buffer at once.
  bytes.fill(0)
  await sync.flush()
  const { lanes, outbox, uplink } = sync.status()
  assert.equal(lanes.events.records, 1667)
  assert.equal(lanes.telemetry.lastSeq, 4998)
  assert.deepEqual([outbox.state, outbox.queuedRecords, outbox.queuedBytes], ['ok', 0, 0])
  assert.ok(outbox.fileBytes > 100_000 && outbox.commitP50Ms > 0)
  assert.deepEqual([uplink.kind, uplink.state], ['none', 'off'])
  await sync.close()
  assert.equal(sync.status().outbox.state, 'closed')
  const rows = readAll(openOutbox(t, { path })).sort((a, b) => a.seq - b.seq)
  assert.equal(rows.length, 5000)
  rows.forEach((row, i) => {
    assert.equal(row.lane, LANES[i % 3])
    if (i % 100 === 7) {
      assert.equal(row.contentType, 'application/octet-stream')
      assert.deepEqual([...row.payload.subarray(0, 3), row.payload[299]], [0, 1, 2, 299 & 255])
    } else
      assert.deepEqual(
        [textOf(row), row.type, row.timeUs, row.monoUs],
        [`häß ${i} €`, `t${i % 5}`, i, i * 2],
      )
  })
})

test('it commits by itself, without a flush, critical or not', async (t) => {
  const sync = await startSync(t, join(tempDir(t), 'o.db'))
  sync.append(record('telemetry', 'x'))
  await until('telemetry is kept', () => sync.status().lanes.telemetry.records === 1)
  sync.append(record('critical', 'x'))
  await until('critical is kept', () => sync.status().lanes.critical.records === 1)
})

test('critical does not wait for the group', async (t) => {
  const sync = await startSync(t, join(tempDir(t), 'o.db'), { groupCommitMs: 3_600_000 })
  sync.append(record('telemetry', 'along'))
  await sleep(50)
  assert.equal(sync.status().outbox.queuedRecords, 1)
  sync.append(record('critical', 'alarm'))
  await until('both are kept', () => sync.status().outbox.queuedRecords === 0)
})

test('a killed process loses nothing that was flushed', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const file = fileURLToPath(new URL('./collector.ts', import.meta.url))
  const child = spawn(process.execPath, [...TYPESCRIPT, file, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  await until('it writes', () => said.split('\n').length > 5)
  child.kill('SIGKILL')
  await once(child, 'close')
  const flushed = Number(said.split('\n').at(-2))
  const outbox = openOutbox(t, { path })
  const rows = readAll(outbox).sort((a, b) => a.seq - b.seq)
  assert.ok(rows.length >= flushed && flushed >= 1000, `${rows.length} kept, ${flushed} said`)
  rows.forEach((row, i) => {
    assert.deepEqual([row.seq, textOf(row)], [i + 1, `${i}`])
  })
})

test('a flood beyond the queue is dropped by lane, counted, and told in the ledger', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const sync = await startSync(t, path, { maxQueuedBytes: 200_000 })
  const given = { critical: 100, events: 3000, telemetry: 3000 }
  // Without a pause the thread cannot answer in between: the queue must overflow.
  for (const lane of ['telemetry', 'events', 'critical'] as const) {
    for (let i = 0; i < given[lane]; i++) sync.append(record(lane, 'x'.repeat(100)))
  }
  sync.append(record('events', 'y'.repeat(1_000_000)))
  sync.append(record('nonsense' as 'events', 'y'))
  await sync.flush()
  const { lanes } = sync.status()
  assert.equal(lanes.critical.dropped, 0)
  assert.ok(lanes.telemetry.dropped > 1000)
  await until('all is told', () => sync.status().outbox.queuedRecords === 0)
  await sync.close()
  const rows = readAll(openOutbox(t, { path }))
  const told = ledgerOf(rows)
  for (const lane of LANES) {
    const kept = rows.filter((row) => row.lane === lane && row.type === 'milepost.test.v1').length
    const dropped = told
      .filter((entry) => entry.lane === lane && entry.cause === 'queue_full')
      .reduce((sum, { count }) => sum + count!, 0)
    assert.equal(kept + dropped, given[lane], lane)
  }
  const invalid = told.filter(({ cause }) => cause === 'invalid')
  assert.deepEqual(
    invalid.map(({ lane, count }) => [lane, count]),
    [
      ['events', 1],
      [null, 1],
    ],
  )
})

test('what only a person can help is refused at the start', async (t) => {
  const folder = tempDir(t)
  const path = join(folder, 'o.db')
  const sync = await startSync(t, path)
  await assert.rejects(startSync(t, path), { name: 'SyncError', code: 'OUTBOX_LOCKED' })
  await sync.close()
  await assert.rejects(startSync(t, path, { vehicle: 'v2' }), { code: 'OUTBOX_FOREIGN' })
  await assert.rejects(startSync(t, path, { maxBytes: 5 }), { code: 'OUTBOX_CONFIG' })
  // And nothing of those keeps the file.
  await (await startSync(t, path)).close()
})

test('times are repaired through the thread', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const sync = await startSync(t, path)
  for (let i = 0; i < 10; i++) {
    sync.append(record('events', 'x', { clock: i < 4 ? 'unsynced' : 'synced', monoUs: i }))
  }
  assert.equal(await sync.repairTimes('boot-1', 1000), 4)
  assert.equal(await sync.repairTimes('boot-9', 1000), 0)
  await sync.close()
  const times = readAll(openOutbox(t, { path })).map(({ timeUs }) => timeUs)
  assert.deepEqual(times.slice(0, 4), [1000, 1001, 1002, 1003])
})

test('after the close nothing is taken and nobody waits', async (t) => {
  const sync = await startSync(t, join(tempDir(t), 'o.db'))
  sync.append(record('events', 'x'))
  await Promise.all([sync.close(), sync.close()])
  sync.append(record('events', 'late'))
  await assert.rejects(sync.flush(), { code: 'OUTBOX_CLOSED' })
  await assert.rejects(sync.repairTimes('b', 1), { code: 'OUTBOX_CLOSED' })
  assert.equal(sync.status().lanes.events.dropped, 1)
})

test('a thread that ends is started again, and what was in its hands stands in the ledger', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const threads: Worker[] = []
  const seen = (worker: Worker) => threads.push(worker)
  process.on('worker', seen)
  t.after(() => process.off('worker', seen))
  const sync = await startSync(t, path)
  for (let i = 0; i < 100; i++) sync.append(record('events', `before ${i}`))
  await sync.flush()
  // Ended first: else it might have kept and confirmed all of it before it is told to end.
  const ended = threads[0].terminate()
  for (let i = 0; i < 100; i++) sync.append(record('events', `under way ${i}`))
  const flushed = sync.flush()
  await assert.rejects(flushed, { code: 'OUTBOX_CLOSED' })
  await ended
  assert.equal(sync.status().outbox.state, 'failed')
  for (let i = 0; i < 100; i++) sync.append(record('critical', `meanwhile ${i}`))
  await until('it is back', () => sync.status().outbox.state === 'ok')
  await sync.flush()
  await sync.close()
  assert.equal(threads.length, 2)
  const rows = readAll(openOutbox(t, { path }))
  const kept = (word: string) => rows.filter((row) => textOf(row).startsWith(word)).length
  assert.deepEqual([kept('before'), kept('meanwhile')], [100, 100])
  const told = ledgerOf(rows).map(({ lane, cause, count }) => [lane, cause, count])
  assert.deepEqual(told, [['events', 'closed', 100]])
  assert.equal(sync.status().lanes.events.dropped, 100)
})

test('what comes after the close is told in the ledger of the next run', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const first = await startSync(t, path)
  await first.close()
  for (let i = 0; i < 3; i++) first.append(record('critical', 'late'))
  for (let run = 0; run < 2; run++) {
    const sync = await startSync(t, path)
    sync.append(record('events', 'x'))
    await sync.flush()
    assert.equal(sync.status().lanes.critical.dropped, 3)
    await sync.close()
  }
  const told = ledgerOf(readAll(openOutbox(t, { path })))
  assert.deepEqual(told, [{ lane: 'critical', cause: 'closed', count: 3 }])
})
