import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { FolderSource } from '../../../models/release/source/folder.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { DAY_MS, makeDesk, makeVehicle, release, TestClock } from './desk.ts'

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort()
}

const code = (error: unknown) => (error as { code?: string }).code

test('truncated files, one by one: what was seen is not forgotten, and the vehicle goes on', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const old = join(tempDir(t), 'old')
  cpSync(desk.folder, old, { recursive: true })
  await release(desk, '2')
  const { client, dir } = makeVehicle(t, desk)
  const plan = await client.refresh()
  await client.download(plan.releases[0])
  const files = filesIn(dir)
  assert.ok(files.filter((file) => file.endsWith('.json')).length === 6, files.join())
  assert.ok(files.filter((file) => file.endsWith('floor')).length === 2, files.join())

  let tried = 0
  for (const file of files) {
    const size = statSync(join(dir, file)).size
    for (const length of new Set([0, 1, Math.floor(size / 2), size - 1])) {
      const broken = join(tempDir(t), 'broken')
      cpSync(dir, broken, { recursive: true })
      truncateSync(join(broken, file), length)
      const what = `${file} cut to ${length} bytes`
      const at = (folder: string) =>
        makeVehicle(t, desk, { dir: broken, source: new FolderSource(folder) }).client
      // The old copy is signed and not expired: only memory tells that it is old.
      await assert.rejects(at(old).refresh(), (error) => code(error) === 'RELEASE_ROLLBACK', what)
      const again = await at(desk.folder).refresh()
      assert.equal(again.releases[0].version, '2', what)
      const stored = await at(desk.folder).download(again.releases[0])
      assert.equal(readFileSync(stored, 'utf8'), '2', what)
      tried++
    }
  }
  assert.ok(tried >= 30, String(tried))
})

test('a damaged file is no plan, and a damaged release is none either', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const { client, dir } = makeVehicle(t, desk)
  const [engine] = (await client.refresh()).releases
  const stored = await client.download(engine)
  writeFileSync(stored, 'x')
  assert.equal(await client.stored(engine.sha256), undefined)
  const models = filesIn(dir).find((file) => file.endsWith('models.json'))!
  writeFileSync(join(dir, models), '{}')
  assert.equal(await client.plan(), undefined)
  assert.equal((await client.refresh()).releases[0].version, '1')
  assert.notEqual(await client.plan(), undefined)
})

test('a refresh that fails leaves the plan of the last one', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const { client, dir } = makeVehicle(t, desk)
  const plan = await client.refresh()
  const gone = makeVehicle(t, desk, { dir, source: new FolderSource(tempDir(t)) }).client
  await assert.rejects(gone.refresh(), (error) => code(error) === 'RELEASE_MISSING')
  assert.deepEqual(await gone.plan(), plan)
  // Half of a publish has come: the timestamp and the snapshot, and no targets.
  const half = join(tempDir(t), 'half')
  await release(desk, '2')
  cpSync(desk.folder, half, { recursive: true })
  for (const file of filesIn(join(half, 'metadata'))) {
    if (/^\d+\.rollout/.test(file)) writeFileSync(join(half, 'metadata', file), '')
  }
  const torn = makeVehicle(t, desk, { dir, source: new FolderSource(half) }).client
  await assert.rejects(torn.refresh(), (error) => code(error) === 'RELEASE_METADATA')
  assert.deepEqual(await torn.plan(), plan)
  assert.equal((await client.refresh()).releases[0].version, '2')
})

test('no flash is worn by a refresh that brings nothing', async (t) => {
  const desk = await makeDesk(t)
  const { client, dir } = makeVehicle(t, desk)
  await client.refresh()
  const before = filesIn(dir)
  for (let number = 0; number < 3; number++) await client.refresh()
  assert.deepEqual(filesIn(dir), before)
})

test('a clock in 1970 keeps stale metadata alive no longer than the machine runs', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const clock = new TestClock(0)
  const { client } = makeVehicle(t, desk, { clock })
  assert.equal((await client.refresh()).releases.length, 1)
  // The server is frozen by somebody; the clock never leaves January 1970, but the machine runs.
  clock.now += 13 * DAY_MS
  clock.mono += 13 * DAY_MS
  await client.refresh()
  clock.now += 2 * DAY_MS
  clock.mono += 2 * DAY_MS
  await assert.rejects(client.refresh(), (error) => {
    assert.equal(code(error), 'RELEASE_EXPIRED')
    assert.match((error as { hint: string }).hint, /clock is behind.*What runs goes on/)
    return true
  })
  assert.equal(await client.plan(), undefined)
})

test('the time that ran is remembered over restarts, also while nothing new comes', async (t) => {
  const desk = await makeDesk(t)
  const { client, dir } = makeVehicle(t, desk, { clock: new TestClock(0) })
  await client.refresh()
  for (let day = 0; day < 15; day++) {
    const clock = new TestClock(0)
    const { client: next } = makeVehicle(t, desk, { clock, dir })
    clock.mono = DAY_MS
    const refreshed = next.refresh()
    if (day < 13) await refreshed
    else if (day === 14) {
      await assert.rejects(refreshed, (error) => code(error) === 'RELEASE_EXPIRED')
    } else await refreshed.catch(() => {})
  }
})

test('a clock ten years ahead refuses everything, and does no harm once it is right', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  const clock = new TestClock()
  const { client } = makeVehicle(t, desk, { clock })
  await client.refresh()
  clock.now += 3650 * DAY_MS
  await assert.rejects(client.refresh(), (error) => code(error) === 'RELEASE_EXPIRED')
  assert.equal(await client.plan(), undefined)
  clock.now -= 3650 * DAY_MS
  await release(desk, '2')
  assert.equal((await client.refresh()).releases[0].version, '2')
})

test('a clock that falls back ten years does not bring old metadata back to life', async (t) => {
  const start = Date.UTC(2030, 0, 1)
  const desk = await makeDesk(t, { nowMs: start })
  await release(desk, '1')
  const frozen = join(tempDir(t), 'frozen')
  cpSync(desk.folder, frozen, { recursive: true })
  const clock = new TestClock(start)
  const { client, dir } = makeVehicle(t, desk, { clock })
  await client.refresh()
  desk.now += 20 * DAY_MS
  await release(desk, '2')
  clock.now = desk.now
  await client.refresh()
  // A vehicle that has lost its battery, and whose files were put back to the frozen copy's.
  const behind = new TestClock(Date.UTC(2020, 0, 1))
  const late = makeVehicle(t, desk, { dir, clock: behind, source: new FolderSource(frozen) }).client
  await assert.rejects(late.refresh(), (error) => code(error) === 'RELEASE_ROLLBACK')
  desk.now += 20 * DAY_MS
  const { client: same } = makeVehicle(t, desk, { dir, clock: behind })
  await same.refresh()
})
