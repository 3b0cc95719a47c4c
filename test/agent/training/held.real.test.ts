import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadBundle } from '../../../models/bundle/load.ts'
import { shareOf } from '../../../models/training/random.ts'
import { readHistory } from '../../../sync/kafka/history.ts'
import { useCentral } from '../../support/central.ts'
import { milepost } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { produce, readAll } from '../../sync/kafka/support.ts'
import { collectDrive, openTopic, RECIPE, stored } from './fleet.ts'

const SECONDS = 150
/** What one program writes and does not commit, and a whole vehicle's records behind it. */
const OPEN = 3
/** As long as a broker lets one be open: it must outlast every command on a busy machine. */
const TRANSACTION_TIMEOUT_MS = 900_000

const central = await useCentral()
const brokers = [central.bootstrap]

/** A name that the recipe's split holds out, or does not. */
function vehicleName(held: boolean): string {
  for (;;) {
    const name = central.unique('truck')
    if (shareOf(3, name) < 0.4 === held) return name
  }
}

test('what lies behind a transaction that stays open is told, and the same range gives the same bundle', async (t) => {
  const dir = tempDir(t)
  const recipe = join(dir, 'recipe.yaml')
  writeFileSync(recipe, RECIPE)
  const { topic, send } = await openTopic(central, 1)
  const drive = (seed: number) => stored(collectDrive(seed, SECONDS))
  await send(new Map([false, false, false, true].map((held, i) => [vehicleName(held), drive(i)])))
  const ends = async () => {
    let to = 0
    for await (const _ of readHistory({ brokers, topic, onRanges: ([one]) => (to = one.to) })) break
    return to
  }
  const stable = await ends()
  const at = ['--brokers', central.bootstrap, '--topic', topic]
  const train = (out: string, ...more: string[]) =>
    milepost('train', ...at, '--out', join(dir, out), '--json', ...more)

  await produce(
    central.bootstrap,
    async (producer) => {
      const open = await producer.transaction()
      await open.send({ topic, messages: Array.from({ length: OPEN }, () => ({ value: '{}' })) })
      const late = drive(9)
      await send(new Map([[central.unique('late'), late]]))
      let range: object | undefined
      const settleTimeoutMs = 300
      const onRanges = ([one]: readonly object[]) => (range = one)
      const read = await readAll({ brokers, topic, settleTimeoutMs, onRanges })
      const [held] = [(range as { held: { from: number; to: number } }).held]
      assert.deepEqual(range, { partition: 0, from: 0, to: stable, held })
      assert.equal(held.from, stable)
      // A mark behind each of the late one's transactions: how many it took is the uplink's affair.
      assert.ok(held.to > stable + OPEN + late.length, JSON.stringify(held))
      assert.ok(read.every(({ offset }) => offset < stable))

      // Nothing that was asked for is held: no word of it.
      await readAll({ brokers, topic, settleTimeoutMs, to: { offset: stable }, onRanges })
      assert.deepEqual(range, { partition: 0, from: 0, to: stable })
      // Only what was asked for is.
      await readAll({ brokers, topic, settleTimeoutMs, from: { offset: stable + 2 }, onRanges })
      assert.deepEqual(range, {
        ...{ partition: 0, from: stable, to: stable },
        held: { from: stable + 2, to: held.to },
      })
      await assert.rejects(
        readAll({ brokers, topic, settleTimeoutMs, to: { offsets: { 0: held.to } } }),
        ({ code, message }) =>
          code === 'HISTORY_RANGE' && /transaction that began there is still open$/.test(message),
      )

      const [history, historyJson, trained, audit] = await Promise.all([
        milepost('history', ...at, '--count'),
        milepost('history', ...at, '--count', '--json'),
        train('first', '--recipe', recipe),
        milepost('audit', ...at, '--json'),
      ])
      const told = new RegExp(
        `${held.to - stable} offsets in partition 0 \\(${stable} to ${held.to - 1}\\) lie behind a transaction ` +
          'that is still open and were not read',
      )
      assert.equal(history.code, 0, history.stderr)
      assert.match(history.stderr, told)
      assert.deepEqual(JSON.parse(historyJson.stderr).ranges[0].held, held)
      assert.equal(trained.code, 0, trained.stderr)
      const { notes, held: heldJson } = JSON.parse(trained.stdout)
      assert.match(notes.join('\n'), told)
      assert.deepEqual(heldJson, [{ partition: 0, ...held }])
      assert.deepEqual(JSON.parse(audit.stdout).held, [{ topic, partition: 0, ...held }])
      assert.match(
        audit.stderr,
        new RegExp(`^${topic}: ${told.source}.* missing may be among them`),
      )
      const backtest = await milepost(
        ...['backtest', ...at, '--bundles', join(dir, 'first'), '--json'],
      )
      assert.equal(backtest.code, 0, backtest.stderr)
      const { ranges, bundles } = JSON.parse(backtest.stdout)
      assert.deepEqual(ranges, [{ partition: 0, from: 0, to: stable, held }])
      assert.match(bundles[0].notes.join('\n'), told)
      await open.commit()
    },
    { transactionalId: central.unique('open'), transactionTimeout: TRANSACTION_TIMEOUT_MS },
  )

  const { hash, manifest } = loadBundle(join(dir, 'first'))
  const { source } = manifest.trained
  assert.ok(source.kind === 'topic')
  assert.deepEqual(source.partitions, [{ partition: 0, from: '0', to: String(stable) }])
  const like = await train('second', '--like', join(dir, 'first'))
  assert.equal(like.code, 0, like.stderr)
  assert.deepEqual([JSON.parse(like.stdout).hash, JSON.parse(like.stdout).held], [hash, []])
})
