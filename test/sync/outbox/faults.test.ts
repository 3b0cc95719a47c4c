import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SyncError } from '../../../sync/errors.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { smallDisk, takeAll } from '../../support/small-disk.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { ledgerOf, openOutbox, readAll, record, SMALL } from '../support.ts'

function filled(path: string, records = 2000): string {
  const outbox = Outbox.open({ path, vehicle: 'v1', bootId: 'b', limits: SMALL })
  outbox.append(Array.from({ length: records }, () => record('telemetry', 'x'.repeat(300))))
  outbox.close()
  return outbox.epoch
}

const BROKEN: Record<string, (path: string) => void> = {
  'overwritten with text': (path) => writeFileSync(path, 'not a database at all '.repeat(500)),
  'a torn page in the middle': (path) => {
    const bytes = readFileSync(path)
    bytes.fill(0x5a, 350 * 4096, 351 * 4096)
    writeFileSync(path, bytes)
  },
  'cut short': (path) => truncateSync(path, 30 * 4096),
  'a broken schema page': (path) => {
    const bytes = readFileSync(path)
    bytes.fill(0, 100, 4096)
    writeFileSync(path, bytes)
  },
}

for (const [what, damage] of Object.entries(BROKEN)) {
  test(`a corrupt file (${what}) is put aside, told, and a new epoch begun`, (t) => {
    const path = join(tempDir(t), 'o.db')
    const epoch = filled(path)
    damage(path)
    const outbox = openOutbox(t, { path })
    assert.notEqual(outbox.epoch, epoch)
    assert.ok(outbox.quarantined && existsSync(outbox.quarantined.file))
    const [entry, ...others] = ledgerOf(readAll(outbox))
    assert.equal(others.length, 0)
    assert.deepEqual([entry.cause, entry.lane, entry.count], ['corrupt', null, null])
    if (what === 'a torn page in the middle') assert.equal(entry.epoch, epoch)
    assert.equal(outbox.append([record('events', 'goes on')]).first, 2)
  })
}

test('a log of another life does no harm', (t) => {
  const path = join(tempDir(t), 'o.db')
  filled(path)
  writeFileSync(`${path}-wal`, Buffer.alloc(100_000, 0x37))
  assert.equal(openOutbox(t, { path }).read('telemetry', 0, 9999, 1e9).length, 2000)
})

test('corrupt files kept aside are bounded', (t) => {
  const folder = tempDir(t)
  const path = join(folder, 'o.db')
  for (let i = 0; i < 5; i++) {
    writeFileSync(path, 'garbage '.repeat(1000))
    Outbox.open({ path, vehicle: 'v1', bootId: 'b', limits: { maxQuarantinedFiles: 2 } }).close()
  }
  const aside = readdirSync(folder).filter((name) => name.includes('.corrupt-'))
  assert.deepEqual(aside.sort(), ['o.db.corrupt-4', 'o.db.corrupt-5'])
})

test('damage in a file too large to be checked at once is named when it is met', (t) => {
  const path = join(tempDir(t), 'o.db')
  filled(path)
  BROKEN['a torn page in the middle'](path)
  const outbox = openOutbox(t, { path, limits: { maxCheckedBytes: 0 } })
  assert.throws(() => outbox.read('telemetry', 0, 9999, 1e9), { code: 'OUTBOX_CORRUPT' })
})

function freeBytes(disk: string): number {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}

/** Somebody else takes the disk but for so many bytes. */
function takeAllBut(disk: string, bytes: number): void {
  const hog = join(disk, 'hog')
  for (let left = freeBytes(disk); left > bytes; left -= 4096) {
    appendFileSync(hog, Buffer.alloc(4096))
  }
}

test('on a disk that is filled at once, alarms are kept in what was set aside', (t) => {
  const disk = smallDisk(t, 4096)
  if (!disk) return withPageLimit(t)
  const outbox = openOutbox(t, { path: join(disk, 'o.db'), limits: { maxBytes: 2 * 1024 ** 2 } })
  outbox.append([record('critical', 'before')])
  const hog = takeAll(disk)
  const batch = Array.from({ length: 60 }, () => record('critical', 'x'.repeat(1000)))
  assert.deepEqual(outbox.append(batch), { first: 2, last: 61 })
  assert.ok(outbox.narrow)
  assert.equal(outbox.read('critical', 0, 1e6, 1e9).length, 61)
  // Telemetry does not get what was set aside; it is counted.
  for (let i = 0; i < 10; i++) {
    outbox.append(Array.from({ length: 60 }, () => record('telemetry', 'x'.repeat(1000))))
  }
  const { telemetry, critical } = outbox.stat().lanes
  assert.equal(telemetry.records + telemetry.evicted, 600)
  assert.equal(critical.evicted, 0)
  rmSync(hog)
  outbox.append(batch)
  assert.ok(!outbox.narrow)
})

test('on a disk without a free byte it lives on in the room it has, and the account balances', (t) => {
  const disk = smallDisk(t, 4096)
  if (!disk) return
  const outbox = openOutbox(t, { path: join(disk, 'o.db'), limits: { maxBytes: 1024 ** 2 } })
  const batch = Array.from({ length: 30 }, (_, i) =>
    record(i % 3 ? 'telemetry' : 'critical', 'x'.repeat(1000)),
  )
  for (let i = 0; i < 5; i++) outbox.append(batch)
  takeAllBut(disk, 300_000)
  outbox.append(batch)
  takeAll(disk)
  for (let i = 0; i < 200; i++) outbox.append(batch)
  const { lanes } = outbox.stat()
  assert.equal(lanes.telemetry.records + lanes.telemetry.evicted, 206 * 20)
  const rows = readAll(outbox)
  const ours = rows.filter(({ lane, type }) => lane === 'critical' && type === 'milepost.test.v1')
  assert.ok(ours.length > 50)
  const told = ledgerOf(rows).filter(
    ({ lane, cause }) => lane === 'critical' && cause === 'evicted',
  )
  const ledgers = told.reduce((sum, { count }) => sum + count!, 0) - (206 * 10 - ours.length)
  assert.ok(ledgers >= 0 && ledgers < 10, `${ledgers} ledger records evicted`)
})

/** Where no disk can be mounted: SQLite's own limit gives the same answer. */
function withPageLimit(t: TestContext): void {
  const outbox = openOutbox(t, {
    path: join(tempDir(t), 'o.db'),
    limits: { maxBytes: 1024 ** 2 },
  })
  outbox.append([record('critical', 'x'.repeat(60_000))])
  const held = outbox.append(
    Array.from({ length: 10 }, () => record('critical', 'x'.repeat(6_000))),
  )
  outbox.hold({ critical: held.last, events: 0, telemetry: 0 })
  assert.ok(outbox.seq >= 11)
}

test('on a small disk it keeps itself within what there is, long before the cap', (t) => {
  const disk = smallDisk(t, 16 * 1024)
  if (!disk) return
  const path = join(disk, 'o.db')
  const outbox = openOutbox(t, { path, limits: { maxBytes: 64 * 1024 ** 2 } })
  outbox.append([record('critical', 'alarm')])
  for (let i = 0; i < 400; i++) {
    outbox.append(Array.from({ length: 100 }, () => record('telemetry', 'x'.repeat(1000))))
  }
  const { lanes } = outbox.stat()
  assert.equal(lanes.telemetry.records + lanes.telemetry.evicted, 40_000)
  assert.ok(lanes.telemetry.evicted > 20_000 && lanes.telemetry.records > 1000)
  assert.ok(readAll(outbox).some(({ payload }) => Buffer.from(payload).toString() === 'alarm'))
})

test('a folder that cannot be written is named', (t) => {
  const disk = smallDisk(t, 4096)
  const folder = disk ?? tempDir(t)
  if (disk) execFileSync('mount', ['-o', 'remount,ro', disk])
  // Where nothing can be mounted, a file stands where the folder should be.
  else writeFileSync(join(folder, 'sub'), '')
  const path = disk ? join(disk, 'o.db') : join(folder, 'sub', 'o.db')
  assert.throws(
    () => Outbox.open({ path, vehicle: 'v1', bootId: 'b' }),
    (error: unknown) => {
      assert.ok(error instanceof SyncError)
      assert.equal(error.code, 'OUTBOX_READONLY')
      assert.match(error.hint ?? '', /read-write/)
      return true
    },
  )
})

test('an empty file, as a power cut leaves one, is a new outbox', (t) => {
  const path = join(tempDir(t), 'o.db')
  writeFileSync(path, '')
  const outbox = openOutbox(t, { path })
  assert.equal(outbox.append([record('events', 'x')]).first, 1)
  assert.ok(statSync(path).size >= 0)
  assert.equal(outbox.quarantined, undefined)
})
