import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { ledgerOf, openOutbox, readAll, record } from '../support.ts'

test('one process only', (t) => {
  const path = join(tempDir(t), 'o.db')
  const outbox = openOutbox(t, { path })
  outbox.append([record('events', 'x')])
  assert.throws(() => Outbox.open({ path, vehicle: 'v1', bootId: 'b' }), { code: 'OUTBOX_LOCKED' })
  const script = `
    import { Outbox } from ${JSON.stringify(new URL('../../../sync/outbox/outbox.ts', import.meta.url).href)}
    try { Outbox.open({ path: ${JSON.stringify(path)}, vehicle: 'v1', bootId: 'b' }); console.log('opened') }
    catch (error) { console.log(error.code, Boolean(error.hint)) }`
  const child = spawnSync(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', script])
  assert.equal(child.stdout.toString().trim(), 'OUTBOX_LOCKED true', child.stderr.toString())
  // And it goes on working.
  assert.equal(outbox.append([record('events', 'y')]).first, 2)
})

test('another vehicle’s file is refused and left as it was', (t) => {
  const path = join(tempDir(t), 'o.db')
  const first = Outbox.open({ path, vehicle: 'v1', bootId: 'b' })
  first.append([record('events', 'x')])
  first.close()
  assert.throws(() => Outbox.open({ path, vehicle: 'v2', bootId: 'b' }), {
    code: 'OUTBOX_FOREIGN',
    message: /belongs to vehicle v1, not to v2/,
  })
  assert.equal(readAll(openOutbox(t, { path })).length, 1)
})

test('a database that is no outbox, or one of another format, is refused', (t) => {
  const folder = tempDir(t)
  const other = new Database(join(folder, 'other.db'))
  other.exec('CREATE TABLE precious (x)')
  other.close()
  assert.throws(() => openOutbox(t, { path: join(folder, 'other.db') }), { code: 'OUTBOX_FOREIGN' })
  const path = join(folder, 'o.db')
  Outbox.open({ path, vehicle: 'v1', bootId: 'b' }).close()
  const newer = new Database(path)
  newer.pragma('user_version = 2')
  newer.close()
  assert.throws(() => openOutbox(t, { path }), { code: 'OUTBOX_FOREIGN', message: /format 2/ })
})

test('a restored backup goes on under a new epoch', (t) => {
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db') })
  outbox.append([record('events', 'x')])
  const { epoch } = outbox
  outbox.renewEpoch('the other side is ahead')
  assert.notEqual(outbox.epoch, epoch)
  const [entry] = ledgerOf(readAll(outbox))
  assert.deepEqual([entry.cause, entry.epoch], ['epoch_renewed', epoch])
  const renewed = outbox.epoch
  outbox.close()
  assert.equal(openOutbox(t, { path: outbox.path }).epoch, renewed)
  assert.throws(() => outbox.append([]), { code: 'OUTBOX_CLOSED' })
})
