import assert from 'node:assert/strict'
import { test } from 'node:test'
import { milepostTopics } from '../../../deploy/central/topics.ts'
import { createTopics } from '../../../sync/kafka/admin.ts'
import { ownCentral } from '../../support/central.ts'
import { blocksOf, guides, runBlocks } from './blocks.ts'

// Its own, and empty: what an audit of it says is of this guide alone.
const central = await ownCentral()
await createTopics(central.bootstrap, milepostTopics('demo'))

test('the fleet engineer’s blocks with Kafka run as written, and the audit balances', async (t) => {
  const found = guides().filter((file) => blocksOf(file, ' kafka').length > 0)
  assert.deepEqual(found, ['fleet-engineer.md'])
  const said = await runBlocks(t, blocksOf('fleet-engineer.md', ' kafka'), {
    BROKERS: central.bootstrap,
  })
  assert.match(said, /practice-2/)
})
