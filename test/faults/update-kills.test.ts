import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runUpdateKills } from './update-kills-run.ts'

const SEED = 20_261_125
const KILLS = 4

test(`${KILLS} kills at writes of an update (seed ${SEED}): the agent starts on a verified bundle`, async (t) => {
  const report = await runUpdateKills({ seed: SEED, kills: KILLS })
  t.diagnostic(JSON.stringify(report))
  assert.deepEqual(report.problems, [])
  assert.equal(report.kills, KILLS)
  assert.ok(report.steps > 20, 'an update has its writes')
  assert.ok(report.rollbacksRefused > 0, 'old copies were offered')
  assert.ok(report.starts >= KILLS, 'it started again after each')
})
