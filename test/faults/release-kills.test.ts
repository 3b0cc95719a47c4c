import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runReleaseKills } from './release-kills-run.ts'

const SEED = 20_261_125
const KILLS = 10

test(`${KILLS} kills in the middle of updates (seed ${SEED}): what was seen is never forgotten`, async (t) => {
  const report = await runReleaseKills({ seed: SEED, kills: KILLS })
  t.diagnostic(JSON.stringify(report))
  assert.deepEqual(report.problems, [])
  assert.equal(report.kills, KILLS)
  assert.ok(report.rollbacksRefused > 0, 'old copies were offered')
  assert.ok(report.halfFetched > 0, 'a download was cut in the middle')
})
