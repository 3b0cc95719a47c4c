import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { Milepost, writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'
import { record, SMALL } from '../sync/support.ts'

const SECRET = 'correct horse battery staple'
const PAGE_BYTES = 4096

/** An encrypted outbox of 1,001 records, and configs with its key, with another and with none. */
function scene(t: TestContext) {
  const dir = tempDir(t)
  const dataDir = join(dir, 'data')
  const path = join(dataDir, 'outbox.db')
  const config = (name: string, secret?: string) => {
    const folder = tempDir(t)
    const file = join(folder, 'outbox.key')
    if (secret) writeFileSync(file, `${secret}\n`)
    const sensors = [{ id: name, kind: 'simulator' }]
    return writeConfig(folder, { dataDir, sensors, ...(secret && { outbox: { key: { file } } }) })
  }
  const right = config('right', SECRET)
  const key = { file: join(right, '../outbox.key') }
  const outbox = Outbox.open({ path, vehicle: 'test-1', bootId: 'b', limits: SMALL, key })
  for (let i = 0; i < 20; i++) {
    outbox.append(Array.from({ length: 50 }, () => record('telemetry', `"${'x'.repeat(300)}"`)))
  }
  outbox.append([record('critical', '"alarm"')])
  outbox.close()
  const files = () => readdirSync(dataDir).sort()
  const bytes = () => files().map((name) => readFileSync(join(dataDir, name)).toString('base64'))
  const damage = () => {
    const all = readFileSync(path)
    all.fill(0x5a, 330 * PAGE_BYTES, 332 * PAGE_BYTES)
    writeFileSync(path, all)
  }
  const wrong = config('wrong', 'a completely different secret')
  return { dir, path, right, wrong, none: config('none'), files, bytes, damage }
}

async function buffer(config: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Milepost(['buffer', ...args, '-c', config, '--json'])
    .finished
  return { code, stderr, out: stdout ? JSON.parse(stdout) : undefined }
}

test('buffer on an encrypted file, with its key: stat, verify, export, import, repair', async (t) => {
  const { dir, right, files, damage } = scene(t)
  const stick = join(dir, 'truck.gz')
  const stat = await buffer(right, 'stat')
  assert.deepEqual([stat.code, stat.out.lanes.telemetry.records], [0, 1000], stat.stderr)
  assert.deepEqual((await buffer(right, 'verify')).out.problems, [])
  assert.equal((await buffer(right, 'export', stick)).out.records, 1001)
  const depot = await new Milepost(['buffer', 'import', stick, '--data-dir', tempDir(t), '--json'])
    .finished
  assert.equal(JSON.parse(depot.stdout).kept, 1001)

  damage()
  for (const args of [['stat'], ['export', stick]]) {
    const refused = await buffer(right, ...args)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /^OUTBOX_CORRUPT: [\s\S]*\nNext: .*buffer repair/)
  }
  const damaged = await buffer(right, 'verify')
  assert.deepEqual([damaged.code, damaged.out.ok], [1, false])
  assert.deepEqual(files(), ['outbox.db', 'outbox.db-key.json'])
  const repaired = await buffer(right, 'repair')
  assert.equal(repaired.code, 0, repaired.stderr)
  assert.ok(repaired.out.records > 950 && repaired.out.records < 1001, repaired.out.records)
  assert.ok(
    !readFileSync(repaired.out.aside).includes('alarm'),
    'what is put aside stays encrypted',
  )
  assert.ok((await buffer(right, 'verify')).out.ok)
  const taken = await buffer(right, 'export', stick, '--take')
  assert.equal(taken.out.records, repaired.out.records)
})

for (const [what, keyOf, stamped] of [
  ['another key, also where it is damaged,', 'wrong', true],
  ['no key, also where its stamp is lost,', 'none', false],
] as const) {
  test(`buffer on an encrypted file, with ${what} is refused by each command and touches nothing`, async (t) => {
    const { dir, path, files, bytes, damage, ...configs } = scene(t)
    if (stamped) damage()
    else rmSync(`${path}-key.json`)
    const before = [files(), bytes()]
    const stick = join(dir, 'truck.gz')
    for (const args of [['stat'], ['verify'], ['repair'], ['export', stick]]) {
      const { code, stderr, out } = await buffer(configs[keyOf], ...args)
      assert.deepEqual([code, out], [1, undefined], args[0])
      assert.match(stderr, /^OUTBOX_KEY: .*\nNext: /, args[0])
      assert.ok(!stderr.includes(SECRET))
    }
    assert.deepEqual([files(), bytes()], before)
    assert.ok(!readdirSync(dir).includes('truck.gz'))
  })
}
