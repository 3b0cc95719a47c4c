import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { counterWriter, loadCounters } from '../../../sync/outbox/counters.ts'
import { LaneTable } from '../../../sync/outbox/lane-table.ts'
import { smallDisk, takeAll } from '../../support/small-disk.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { pumpOf } from '../pump-support.ts'
import { Remote } from '../remote.ts'
import { makeOlder, openOutbox, readAll, record, remembers, textOf, until } from '../support.ts'

const LIMITS = { maxBytes: 2 * 1024 ** 2 }

/** An outbox that an older milepost left, with two events in it; answers its epoch. */
function older(t: TestContext, path: string): string {
  const outbox = openOutbox(t, { path, limits: LIMITS })
  outbox.append([record('events', 'a'), record('events', 'b')])
  outbox.close()
  makeOlder(path)
  return outbox.epoch
}

test('a file of before it was remembered what the other side had is read, and remembers from then on', (t) => {
  const path = join(tempDir(t), 'o.db')
  older(t, path)
  const after = openOutbox(t, { path })
  assert.equal(after.deliveredSeq('events'), 0)
  after.release({ critical: 0, events: 1, telemetry: 0 })
  after.close()
  assert.ok(remembers(path))
  const again = openOutbox(t, { path })
  assert.equal(again.deliveredSeq('events'), 1)
  assert.deepEqual(readAll(again).map(textOf), ['b'])
})

test('a transaction that is rolled back takes the column with it, and the next one makes it again', (t) => {
  const path = join(tempDir(t), 'o.db')
  older(t, path)
  const db = new Database(path)
  t.after(() => db.close())
  const tables = {
    critical: new LaneTable(db, 'critical'),
    events: new LaneTable(db, 'events'),
    telemetry: new LaneTable(db, 'telemetry'),
  }
  const write = counterWriter(db)
  const counters = loadCounters(db, tables)
  counters.lanes.events.releasedSeq = 1
  const fails = db.transaction(() => {
    write(counters)
    throw new Error('the disk is full')
  })
  assert.throws(fails, /the disk is full/)
  assert.ok(!remembers(path))
  db.transaction(() => write(counters))()
  assert.equal(loadCounters(db, tables).lanes.events.releasedSeq, 1)
})

test('an older file on a disk without a free byte is opened, read and sent; the column comes with room', async (t) => {
  const disk = smallDisk(t, 4096)
  if (!disk) return
  const path = join(disk, 'o.db')
  const epoch = older(t, path)
  const hog = takeAll(disk)
  const outbox = openOutbox(t, { path, limits: LIMITS })
  assert.equal(outbox.epoch, epoch)
  assert.deepEqual(readAll(outbox).map(textOf), ['a', 'b'])
  assert.throws(() => outbox.append([record('critical', 'no room')]), { code: 'OUTBOX_FULL' })
  const remote = new Remote()
  const pump = pumpOf(t, () => outbox, remote, { releaseIntervalMs: 20 })
  await until('what waits arrives', () => remote.log.length === 2)
  await until('it is told that nothing can be deleted', () => pump.faults.includes('OUTBOX_FULL'))
  // Started anew, as after a link that was lost: what the other side has is no reason to send nothing.
  pump.pause()
  await until('off', () => pump.status().state === 'off')
  pump.resume()
  await until('live again', () => pump.status().state === 'live')
  rmSync(hog)
  outbox.append([record('critical', 'room')])
  pump.notify()
  await until('what came since arrives', () => remote.log.length === 3)
  await until('what arrived is deleted', () => readAll(outbox).length === 0)
  assert.deepEqual(remote.log.map(textOf), ['a', 'b', 'room'])
  outbox.close()
  assert.ok(remembers(path))
})
