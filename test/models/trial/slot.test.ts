import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { packBundle } from '../../../models/bundle/archive.ts'
import { bundleHash } from '../../../models/bundle/canonical.ts'
import { type Bundle, loadBundle } from '../../../models/bundle/load.ts'
import { Slot } from '../../../models/trial/slot.ts'
import { MAX_BARRED } from '../../../models/trial/state.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { CAR_SENSOR, copyOfBundle, forge } from '../bundles.ts'

const open = async ({ hash }: Bundle): Promise<string> => hash

function slotIn(dir: string, bootId = 'boot-1'): Slot {
  return new Slot({
    dir,
    bootId,
    nowUs: () => 1_000_000,
    crashes: { maxCrashes: 3, maxReboots: 5 },
  })
}

/** A bundle that differs from the public one in its description alone. */
function variant(t: TestContext, description: string): { dir: string; hash: string } {
  const dir = copyOfBundle(t)
  forge(dir, (manifest) => {
    manifest.description = description
  })
  return { dir, hash: bundleHash(JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'))) }
}

const next = (hash: string, release = 'r') => ({ hash, release, file: hash })

async function install(slot: Slot, { dir, hash }: { dir: string; hash: string }): Promise<void> {
  assert.equal((await slot.install(await packBundle(dir))).hash, hash)
}

async function makeGood(slot: Slot, one: { dir: string; hash: string }, release: string) {
  await install(slot, one)
  slot.begin(next(one.hash, release))
  slot.good()
}

const factory = loadBundle(CAR_SENSOR).hash

async function runs(slot: Slot): Promise<string> {
  return slot.load(CAR_SENSOR, open, () => {})
}

test('a new vehicle runs the bundle of its config; a good attempt takes its place', async (t) => {
  const dir = tempDir(t)
  const [a, b] = [variant(t, 'a'), variant(t, 'b')]
  assert.equal(await runs(slotIn(dir)), factory)
  await makeGood(slotIn(dir), a, 'models/a')
  assert.equal(await runs(slotIn(dir)), a.hash)
  const slot = slotIn(dir)
  await makeGood(slot, b, 'models/b')
  assert.equal(await runs(slotIn(dir)), b.hash)
  assert.equal(slot.state.previous?.hash, a.hash)
  assert.deepEqual(readdirSync(join(dir, 'bundles')).sort(), [a.hash, b.hash].sort())
})

test('an attempt that never ends is barred after so many crashes; until then it is tried again', async (t) => {
  const dir = tempDir(t)
  const [a, bad] = [variant(t, 'a'), variant(t, 'bad')]
  await makeGood(slotIn(dir), a, 'models/a')
  await install(slotIn(dir), bad).catch(() => assert.fail())
  for (let crash = 1; crash <= 3; crash++) {
    const slot = slotIn(dir)
    assert.equal(slot.barredFor(bad.hash), undefined, `before crash ${crash}`)
    assert.equal(await runs(slot), a.hash, 'a start never begins with what is on trial')
    if (crash > 1) assert.equal(slot.state.attempt?.crashes, crash - 1)
    await install(slot, bad)
    slot.begin(next(bad.hash, 'models/bad'))
    // The process ends here without a word.
  }
  const slot = slotIn(dir)
  assert.equal(slot.barredFor(bad.hash) !== undefined, true)
  assert.match(slot.mended[0].reason, /3 times/)
  assert.equal(await runs(slot), a.hash)
  assert.throws(() => slot.begin(next(bad.hash, 'models/bad')), {
    code: 'TRIAL_BARRED',
  })
  assert.deepEqual(readdirSync(join(dir, 'bundles')), [a.hash])
})

test('a key that is turned is not a crash, and costs nothing of what was shown', async (t) => {
  const dir = tempDir(t)
  const a = variant(t, 'a')
  const first = slotIn(dir, 'boot-0')
  await install(first, a)
  first.begin(next(a.hash, 'r'))
  first.pause({ rows: 50, ms: 5000 })
  for (let boot = 1; boot <= 4; boot++) {
    const slot = slotIn(dir, `boot-${boot}`)
    assert.equal(slot.state.attempt?.rows, 50)
    slot.begin(next(a.hash, 'r'))
  }
  assert.equal(slotIn(dir, 'boot-5').state.attempt?.reboots, 4)
  // A model that takes the whole machine with it is found out all the same.
  slotIn(dir, 'boot-5').begin(next(a.hash, 'r'))
  assert.equal(slotIn(dir, 'boot-6').barredFor(a.hash) !== undefined, true)
})

test('clean stops are no crashes, however many', async (t) => {
  const dir = tempDir(t)
  const a = variant(t, 'a')
  await install(slotIn(dir), a)
  for (let stop = 1; stop <= 8; stop++) {
    const slot = slotIn(dir)
    await install(slot, a)
    slot.begin(next(a.hash, 'r'))
    slot.pause({ rows: stop, ms: stop })
  }
  const { attempt, barred } = slotIn(dir).state
  assert.deepEqual([attempt?.crashes, attempt?.rows, barred.length], [0, 8, 0])
})

test('one trial at a time', async (t) => {
  const slot = slotIn(tempDir(t))
  const [a, b] = [variant(t, 'a'), variant(t, 'b')]
  await install(slot, a)
  slot.begin(next(a.hash, 'a'))
  await install(slot, b)
  assert.throws(() => slot.begin(next(b.hash, 'b')), { code: 'TRIAL_BUSY' })
  slot.giveUp()
  slot.begin(next(b.hash, 'b'))
})

test('an archive that is cut short leaves nothing behind', async (t) => {
  const dir = tempDir(t)
  const slot = slotIn(dir)
  const bytes = await packBundle(variant(t, 'a').dir)
  for (const length of [0, 100, 600, bytes.length >> 1, bytes.length - 1100]) {
    await assert.rejects(slot.install(bytes.subarray(0, length)), `cut at ${length}`)
  }
  assert.deepEqual(readdirSync(join(dir, 'bundles')), [])
})

test('a current bundle that rots gives way to the one before it, then to that of the config', async (t) => {
  const dir = tempDir(t)
  const [a, b] = [variant(t, 'a'), variant(t, 'b')]
  const slot = slotIn(dir)
  await makeGood(slot, a, 'models/a')
  await makeGood(slot, b, 'models/b')
  const spoil = (hash: string) => truncateSync(join(dir, 'bundles', hash, 'weights.bin'), 10)
  const lost: string[] = []
  const start = async () => slotIn(dir).load(CAR_SENSOR, open, ({ hash }) => lost.push(hash ?? ''))
  spoil(b.hash)
  assert.equal(await start(), a.hash)
  spoil(a.hash)
  assert.equal(await start(), factory)
  assert.deepEqual(lost, [b.hash, a.hash])
  assert.equal(slotIn(dir).barredFor(b.hash) !== undefined, false, 'rot is no fault of the release')
})

test('a network that cannot be opened counts like a file that does not verify', async (t) => {
  const dir = tempDir(t)
  const a = variant(t, 'a')
  await makeGood(slotIn(dir), a, 'models/a')
  const opened = await slotIn(dir).load(
    CAR_SENSOR,
    async ({ hash }) => {
      if (hash === a.hash) throw new Error('no such runtime here')
      return hash
    },
    () => {},
  )
  assert.equal(opened, factory)
})

test('state files cut at every length, one and both: the newest that is whole is believed', async (t) => {
  const dir = tempDir(t)
  const a = variant(t, 'a')
  await makeGood(slotIn(dir), a, 'models/a')
  const files = ['state.json', 'state.copy.json'].map((name) => join(dir, name))
  const whole = files.map((file) => readFileSync(file))
  for (let length = 0; length < whole[0].length; length += 19) {
    for (const cut of [[0], [1], [0, 1]]) {
      files.forEach((file, i) => {
        writeFileSync(file, cut.includes(i) ? whole[i].subarray(0, length) : whole[i])
      })
      rmSync(join(dir, 'bundles', 'x'), { force: true, recursive: true })
      const slot = new Slot({ dir, bootId: 'boot-1', nowUs: () => 0 })
      if (cut.length === 1) {
        assert.equal(slot.state.current?.hash, a.hash, `file ${cut} cut at ${length}`)
        assert.equal(slot.mended.length, 1)
      } else {
        assert.equal(await runs(slot), factory, `both cut at ${length}`)
        // Both gone, its bundle goes as well; put it back for the next round.
        await install(slot, a)
      }
    }
  }
})

test('the list of barred hashes has a bound', async (t) => {
  const dir = tempDir(t)
  const slot = slotIn(dir)
  const hashes = Array.from({ length: MAX_BARRED + 3 }, (_, i) => i.toString(16).padStart(64, '0'))
  for (const hash of hashes) {
    slot.begin(next(hash))
    slot.back('because')
  }
  assert.equal(slotIn(dir).state.barred.length, MAX_BARRED)
  assert.equal(slotIn(dir).barredFor(hashes[0]) !== undefined, false)
  assert.equal(slotIn(dir).barredFor(hashes.at(-1) as string) !== undefined, true)
})
