import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runSoak } from './soak/run.ts'
import { TROUBLES } from './soak/troubles.ts'

const SEED = 20_261_126
const MINUTES = 0.8
/** In so short a time; the machine's load decides how long a commit takes. */
const FLAT = ['memory', 'open files', 'threads']

test(`soaked for a minute (seed ${SEED}): nothing lost, nothing twice, nothing grows`, async (t) => {
  const report = await runSoak({ seed: SEED, minutes: MINUTES })
  for (const { what, unit, before, after } of report.trends) {
    t.diagnostic(`${what}: ${before.toFixed(1)} ${unit}, then ${after.toFixed(1)}`)
  }
  for (const what of Object.keys(TROUBLES)) assert.ok(report.troubles[what] > 0, what)
  const [account, ...more] = report.account.epochs
  assert.deepEqual(more, [], 'one outbox')
  t.diagnostic(`${account.lastSeq} records, ${account.ledgered} given up and told`)
  const { missing, duplicated, outOfOrder, present, ledgered, lastSeq } = account
  assert.deepEqual([missing, duplicated, outOfOrder], [0, 0, 0])
  assert.equal(present + ledgered, lastSeq)
  assert.ok(present > 300, `${present} records`)
  const grown = report.trends.filter(({ what, flat }) => FLAT.includes(what) && !flat)
  assert.deepEqual(grown, [])
})
