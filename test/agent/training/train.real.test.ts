import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { loadBundle } from '../../../models/bundle/load.ts'
import { shareOf } from '../../../models/training/random.ts'
import { useCentral } from '../../support/central.ts'
import { Milepost, milepost } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { collectDrive, RECIPE, sendFleet, stored } from './fleet.ts'

const VEHICLES = 6
const SECONDS = 150

const central = await useCentral()

/** A name that the recipe's split holds out, or does not. */
function vehicleName(held: boolean): string {
  for (;;) {
    const name = central.unique('truck')
    if (shareOf(3, name) < 0.4 === held) return name
  }
}

describe('milepost train', () => {
  let topic: string
  before(async () => {
    const drives = Array.from({ length: VEHICLES }, (_, i) => collectDrive(40 + i, SECONDS))
    const fleet = new Map(drives.map((drive, i) => [vehicleName(i % 3 === 0), stored(drive)]))
    topic = await sendFleet(central, fleet)
  })

  const train = (out: string, ...args: string[]) => {
    const recipe = `${out}.yaml`
    writeFileSync(recipe, RECIPE)
    const range = args.includes('--like') ? [] : ['--topic', topic, '--recipe', recipe]
    return ['train', '--brokers', central.bootstrap, ...range, '--out', out, '--json', ...args]
  }

  test('the same range and recipe give the same hash, and so do the offsets in the bundle', async (t) => {
    const dir = tempDir(t)
    const first = await milepost(...train(join(dir, 'a')))
    assert.equal(first.code, 0, first.stderr)
    const told = JSON.parse(first.stdout)
    const { manifest, hash } = loadBundle(join(dir, 'a'))
    assert.equal(told.hash, hash)
    const { source, records } = manifest.trained
    assert.ok(source.kind === 'topic')
    assert.equal(source.topic, topic)
    assert.equal(source.partitions.length, 3)
    const sent = source.records
    // A snapshot a second, but for the first and the one that nothing came after.
    assert.ok(sent >= VEHICLES * (SECONDS - 2) && sent <= VEHICLES * SECONDS, String(sent))
    // A row closes with what comes after it: each vehicle's last ones stay open.
    assert.ok(records >= sent - 3 * VEHICLES && records <= sent, `${records} rows of ${sent}`)
    assert.deepEqual([source.poison, source.gaps, source.late, source.otherUnit], [0, 0, 0, 0])
    assert.match(manifest.trained.codeVersion, /^milepost \d/)
    const like = await milepost(...train(join(dir, 'b'), '--like', join(dir, 'a')))
    assert.equal(like.code, 0, like.stderr)
    const again = JSON.parse(like.stdout)
    assert.deepEqual([again.hash, again.same], [hash, true])
    const other = await milepost(...train(join(dir, 'c'), '--from', '20'))
    assert.notEqual(JSON.parse(other.stdout).hash, hash)
  })

  /** Runs until a partition is read and kept, and is killed then; again where we came too late. */
  async function killed(out: string): Promise<string> {
    const file = join(`${out}.checkpoint`, 'rows')
    return until('a kill behind a checkpoint', async () => {
      const run = new Milepost(train(out))
      await until('a checkpoint', () => existsSync(file) || run.child.exitCode !== null)
      run.child.kill('SIGKILL')
      const { code, stderr } = await run.finished
      assert.ok(code === 0 || code === null, stderr)
      if (existsSync(file)) return file
      rmSync(out, { recursive: true, force: true })
      return undefined
    })
  }

  test('killed between two partitions it goes on and comes to the same bundle', async (t) => {
    const dir = tempDir(t)
    const { hash } = JSON.parse((await milepost(...train(join(dir, 'whole')))).stdout)
    const out = join(dir, 'killed')
    await killed(out)
    const rest = await milepost(...train(out))
    assert.equal(rest.code, 0, rest.stderr)
    assert.match(rest.stderr, /Going on from the checkpoint: [1-3] partitions read/)
    assert.equal(JSON.parse(rest.stdout).hash, hash)
    assert.equal(existsSync(`${out}.checkpoint`), false, 'nothing is left of it')
  })

  test('a checkpoint that is torn, or of another training, is left out with its reason', async (t) => {
    const dir = tempDir(t)
    const out = join(dir, 'a')
    const file = await killed(out)
    writeFileSync(file, readFileSync(file).subarray(0, -7))
    const { code, stdout, stderr } = await milepost(...train(out))
    assert.equal(code, 0, stderr)
    assert.match(stderr, /checkpoint is left out: its hash differs/)
    const { hash } = JSON.parse((await milepost(...train(join(dir, 'b')))).stdout)
    assert.equal(JSON.parse(stdout).hash, hash)
  })

  test('an empty range, a topic that is not there and no recipe are told with what to do', async (t) => {
    const dir = tempDir(t)
    const empty = await milepost(...train(join(dir, 'a'), '--from', '5', '--to', '5'))
    assert.equal(empty.code, 1)
    assert.match(empty.stderr, /TRAINING_DATA.*range is empty.*\nNext: /)
    const usage = await milepost('train', '--topic', topic, '--out', join(dir, 'a'))
    assert.equal(usage.code, 2)
    assert.match(usage.stderr, /--recipe is missing/)
    const missing = await milepost(...train(join(dir, 'a'), '--topic', central.unique('none')))
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /UPLINK_TOPIC_MISSING/)
  })
})
