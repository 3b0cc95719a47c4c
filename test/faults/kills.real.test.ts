import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LANES } from '../../sync/record.ts'
import { runKills } from './kills-run.ts'

const SEED = 20_261_123
const KILLS = 8

test(`${KILLS} kills under load, link and broker failing (seed ${SEED}): the account balances`, async (t) => {
  const report = await runKills({ seed: SEED, kills: KILLS })
  const { account, cuts, brokerStops, brokerKills } = report
  t.diagnostic(
    `${account.records} records, ${report.kills} kills, ${cuts} cuts, broker ${brokerStops} stopped, ${brokerKills} killed`,
  )
  assert.ok(cuts > 0 && brokerStops > 0 && brokerKills > 0, 'each kind of trouble was there')
  assert.ok(account.records > 100 * LANES.length, 'the agents were under load')
  assert.equal(account.epochs.length, 2)
  for (const { lastSeq, ...epoch } of account.epochs) {
    assert.deepEqual(
      { missing: epoch.missing, duplicated: epoch.duplicated, outOfOrder: epoch.outOfOrder },
      { missing: 0, duplicated: 0, outOfOrder: 0 },
      epoch.vehicle,
    )
    assert.equal(epoch.present + epoch.ledgered, lastSeq)
  }
})
