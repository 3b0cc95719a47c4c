import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { Milepost } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'
import { record, SMALL } from '../sync/support.ts'

async function buffer(...args: string[]) {
  const { code, stdout, stderr } = await new Milepost(['buffer', ...args, '--json']).finished
  return { code, stderr, out: stdout ? JSON.parse(stdout) : undefined }
}

test('buffer: stat, verify, export, import, damage and repair, as a person calls them', async (t) => {
  const folder = tempDir(t)
  const path = join(folder, 'outbox.db')
  const outbox = Outbox.open({ path, vehicle: 'truck-7', bootId: 'b', limits: SMALL })
  for (let i = 0; i < 20; i++) {
    outbox.append(Array.from({ length: 50 }, () => record('telemetry', `"${'x'.repeat(300)}"`)))
  }
  outbox.append([record('critical', '"alarm"')])
  outbox.close()
  const at = ['--data-dir', folder]
  const depot = ['--data-dir', tempDir(t)]

  const stat = await buffer('stat', ...at)
  assert.deepEqual([stat.code, stat.out.lanes.telemetry.records], [0, 1000])
  const verified = await buffer('verify', ...at)
  assert.deepEqual([verified.code, verified.out.ok, verified.out.problems], [0, true, []])
  const stick = join(folder, 'truck-7.gz')
  const exported = await buffer('export', stick, ...at)
  assert.deepEqual([exported.out.records, exported.out.taken], [1001, false])
  assert.equal((await buffer('import', stick, ...depot)).out.kept, 1001)
  assert.equal((await buffer('import', stick, ...depot)).out.duplicates, 1001)

  const bytes = readFileSync(path)
  bytes.fill(0x5a, 320 * 4096, 322 * 4096)
  writeFileSync(path, bytes)
  const damaged = await buffer('verify', ...at)
  assert.deepEqual([damaged.code, damaged.out.ok], [1, false])
  const repaired = await buffer('repair', ...at)
  assert.equal(repaired.code, 0, repaired.stderr)
  assert.ok(repaired.out.records > 950 && repaired.out.records < 1001)
  assert.ok((await buffer('verify', ...at)).out.ok)
  const taken = await buffer('export', stick, '--take', ...at)
  assert.equal(taken.out.records, repaired.out.records)
  assert.equal((await buffer('stat', ...at)).out.lanes.telemetry.records, 0)

  const nowhere = await buffer('stat', '--data-dir', join(folder, 'nothing'))
  assert.equal(nowhere.code, 1)
  assert.match(nowhere.stderr, /Next:/)
})

test('buffer import makes the depot’s data folder, and says so where it cannot', async (t) => {
  const folder = tempDir(t)
  const file = join(folder, 'truck-7.gz')
  const outbox = Outbox.open({ path: join(folder, 'outbox.db'), vehicle: 'truck-7', bootId: 'b' })
  outbox.append([record('critical', '"alarm"')])
  outbox.close()
  await buffer('export', file, '--data-dir', folder)
  const depot = join(folder, 'new', 'depot')
  assert.equal((await buffer('import', file, '--data-dir', depot)).out.kept, 1)
  assert.equal(statSync(depot).mode & 0o027, 0)
  // In /proc Node's own recursive mkdir never returns.
  const importing = new Milepost(['buffer', 'import', file, '--data-dir', '/proc/milepost/depot'])
  t.after(() => importing.child.kill('SIGKILL'))
  const { code, stderr } = await importing.finished
  assert.equal(code, 1, stderr)
  assert.match(stderr, /DATA_DIR_DENIED/)
})
