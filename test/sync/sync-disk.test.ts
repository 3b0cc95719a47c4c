import assert from 'node:assert/strict'
import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { smallDisk, takeAll } from '../support/small-disk.ts'
import { tempDir } from '../support/temp-dir.ts'
import { ledgerOf, openOutbox, readAll, record, startSync, textOf, until } from './support.ts'

test('an outbox that breaks under way is put aside, and records go on being kept', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const filled = Outbox.open({ path, vehicle: 'v1', bootId: 'b' })
  for (let i = 0; i < 20; i++) {
    filled.append(Array.from({ length: 100 }, () => record('telemetry', 'x'.repeat(1000))))
  }
  filled.close()
  const sync = await startSync(t, path, { maxCheckedBytes: 0 })
  const { epoch } = sync.status().outbox
  truncateSync(path, 8192)
  for (let i = 0; i < 300; i++) {
    sync.append(record('events', 'x'.repeat(1000)))
    await sync.flush()
    if (sync.status().outbox.quarantinedFile) break
  }
  await until('a new epoch', () => sync.status().outbox.epoch !== epoch)
  const { state, lastError, quarantinedFile } = sync.status().outbox
  assert.equal(state, 'ok')
  assert.equal(lastError?.code, 'OUTBOX_CORRUPT')
  sync.append(record('events', 'after'))
  await sync.close()
  const rows = readAll(openOutbox(t, { path }))
  assert.equal(ledgerOf(rows)[0].cause, 'corrupt')
  assert.equal(textOf(rows.at(-1)!), 'after')
  assert.ok(quarantinedFile?.includes('corrupt-1'))
})

test('a disk that cannot be written at the start is a state, and passes', async (t) => {
  const folder = tempDir(t)
  // A file stands where the folder should be.
  writeFileSync(join(folder, 'sub'), '')
  const path = join(folder, 'sub', 'o.db')
  const sync = await startSync(t, path, { maxQueuedBytes: 2000 })
  assert.equal(sync.status().outbox.state, 'read-only')
  assert.equal(sync.status().outbox.lastError?.code, 'OUTBOX_READONLY')
  for (let i = 0; i < 50; i++) sync.append(record('critical', 'x'.repeat(100)))
  const { dropped } = sync.status().lanes.critical
  assert.ok(dropped > 20 && dropped < 50)
  const flushed = sync.flush()
  rmSync(join(folder, 'sub'))
  await flushed
  assert.equal(sync.status().outbox.state, 'ok')
  await sync.close()
  const rows = readAll(openOutbox(t, { path }))
  assert.deepEqual(
    ledgerOf(rows).map(({ cause, lane, count }) => [cause, lane, count]),
    [['read_only', 'critical', dropped]],
  )
})

test('a disk that fills up is a state; alarms are kept all the same', async (t) => {
  const disk = smallDisk(t, 4096)
  if (!disk) return
  const path = join(disk, 'o.db')
  const sync = await startSync(t, path, { maxBytes: 4 * 1024 ** 2, maxQueuedBytes: 100_000 })
  sync.append(record('critical', 'before'))
  await sync.flush()
  const hog = takeAll(disk)
  for (let i = 0; i < 60; i++) sync.append(record('critical', `${i}`.padEnd(1000)))
  await until('it says so', () => sync.status().outbox.state === 'disk-full')
  // It goes on in what was set aside, though there is no room.
  await sync.flush()
  const { state, lastError } = sync.status().outbox
  assert.deepEqual([state, lastError?.code], ['disk-full', 'OUTBOX_FULL'])
  rmSync(hog)
  await until('it is well again', () => sync.status().outbox.state === 'ok')
  // Who looks only now is told all the same.
  const { troubles } = sync.status().outbox
  assert.ok(troubles && troubles.count >= 1)
  assert.deepEqual([troubles.state, troubles.error?.code], ['disk-full', 'OUTBOX_FULL'])
  await sync.close()
  const rows = readAll(openOutbox(t, { path }))
  const ours = rows.filter(({ type }) => type === 'milepost.test.v1')
  assert.equal(ours.length, 61)
  assert.deepEqual(ledgerOf(rows), [])
})
