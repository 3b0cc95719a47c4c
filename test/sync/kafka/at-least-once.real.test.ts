import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Audit } from '../../../sync/audit.ts'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { identityOf } from '../../../sync/kafka/message.ts'
import type { StoredRecord } from '../../../sync/record.ts'
import { useCentral } from '../../support/central.ts'
import { type Fleet, makeFleet, Records, readAll } from './support.ts'

const central = await useCentral()

/** Opens, sends, closes; answers the positions that `open` gave. */
async function session(fleet: Fleet, batches: readonly StoredRecord[][]) {
  const uplink = createKafkaUplink({ ...fleet.config, delivery: 'at-least-once' })
  try {
    const positions = await uplink.open(fleet.origin)
    for (const batch of batches) await uplink.send(batch)
    return positions
  } finally {
    await uplink.close()
  }
}

test('at-least-once: what is sent again is the same record; a reader that drops copies by their identity has all in order', async () => {
  const fleet = await makeFleet(central)
  const records = new Records()
  const sent = Array.from({ length: 5 }, () => records.take(50))
  const none = { critical: 0, events: 0, telemetry: 0 }
  // The process ends between the broker's answer and the outbox: the next one begins at nothing.
  assert.deepEqual(await session(fleet, sent.slice(0, 3)), none)
  assert.deepEqual(await session(fleet, sent), none)
  const { brokers, topics } = fleet.config
  const read = await readAll({ brokers, topic: topics.telemetry })
  assert.equal(read.length, 400)
  const audit = new Audit()
  const kept = new Map<string, { headers: string; value: string }>()
  const order: number[] = []
  for (const record of read) {
    const identity = identityOf(record.headers)!
    const copy = { headers: JSON.stringify(record.headers), value: String(record.value) }
    const id = String(record.header('ce_id'))
    if (audit.add(identity)) order.push(identity.seq)
    else assert.deepEqual(copy, kept.get(id))
    kept.set(id, copy)
  }
  assert.deepEqual(
    order,
    sent.flat().map(({ seq }) => seq),
  )
  const [{ present, missing, duplicated, outOfOrder }] = audit.report()
  assert.deepEqual(
    { present, missing, duplicated, outOfOrder },
    { present: 250, missing: 0, duplicated: 150, outOfOrder: 0 },
  )
})
