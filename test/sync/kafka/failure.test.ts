import assert from 'node:assert/strict'
import { test } from 'node:test'
import { syncErrorOf } from '../../../sync/kafka/failure.ts'

test('a transactional id that the cluster let expire is no fault of address or network', () => {
  const cause = Object.assign(new Error('not assigned'), { type: 'INVALID_PRODUCER_ID_MAPPING' })
  const { code, hint } = syncErrorOf(cause, 'Sending 3 records')
  assert.equal(code, 'UPLINK_OFFLINE')
  assert.match(hint!, /transactional\.id\.expiration\.ms/)
})
