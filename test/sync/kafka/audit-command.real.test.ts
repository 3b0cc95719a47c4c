import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Producer } from 'kafkajs'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { messageOf } from '../../../sync/kafka/message.ts'
import { LEDGER_TYPE } from '../../../sync/ledger.ts'
import type { StoredRecord } from '../../../sync/record.ts'
import { useCentral } from '../../support/central.ts'
import { milepost } from '../../support/cli.ts'
import { type Fleet, makeFleet, produce, Records } from './support.ts'

const central = await useCentral()

describe('milepost audit', () => {
  const run = (fleet: Fleet, ...args: string[]) =>
    milepost(
      'audit',
      ...['--brokers', central.bootstrap, '--topic', ...Object.values(fleet.config.topics)],
      ...args,
    )

  async function deliver(fleet: Fleet, records: readonly StoredRecord[]): Promise<void> {
    const uplink = createKafkaUplink(fleet.config)
    await uplink.open(fleet.origin)
    await uplink.send(records)
    await uplink.close()
  }

  /** Puts records there as no uplink of ours would: in any order, as often as wanted. */
  async function forge(fleet: Fleet, records: readonly StoredRecord[]): Promise<void> {
    const createPartitioner = () => () => 0
    const send = async (producer: Producer) => {
      for (const record of records) {
        const messages = [messageOf(record, fleet.origin, Date.now())]
        await producer.send({ topic: fleet.config.topics[record.lane], messages })
      }
    }
    await produce(central.bootstrap, send, { createPartitioner })
  }

  const mixed = (count: number): StoredRecord[] => {
    const records = new Records()
    return Array.from({ length: count }, (_, n) =>
      records.next(n % 5 === 0 ? 'critical' : n % 3 === 0 ? 'events' : 'telemetry'),
    )
  }

  test('what is all there balances, as text and as JSON', async () => {
    const fleet = await makeFleet(central)
    await deliver(fleet, mixed(500))
    const { code, stdout, stderr } = await run(fleet)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^✓ .* present 500 {2}missing 0 .*\n500 records of 1 outbox: balanced\n$/)
    const json = JSON.parse((await run(fleet, '--json')).stdout)
    assert.equal(json.balanced, true)
    assert.deepEqual(json.epochs, [
      {
        ...fleet.origin,
        lastSeq: 500,
        present: 500,
        missing: 0,
        duplicated: 0,
        outOfOrder: 0,
        ledgered: 0,
      },
    ])
  })

  test('a loss, a copy and a swap are each found, and the exit code says so', async () => {
    const fleet = await makeFleet(central)
    const all = mixed(60)
    const telemetry = all.filter(({ lane }) => lane === 'telemetry')
    const [lost, , late, , , twice] = telemetry
    const rest = all.filter((record) => record !== lost && record !== late)
    await forge(fleet, [...rest, late, twice])
    const { code, stdout } = await run(fleet, '--json')
    assert.equal(code, 1)
    const [{ present, missing, duplicated, outOfOrder }] = JSON.parse(stdout).epochs
    assert.deepEqual(
      { present, missing, duplicated, outOfOrder },
      { present: 59, missing: 1, duplicated: 1, outOfOrder: 1 },
    )
  })

  test('a ledger record accounts for what was evicted; the last ones are missed by --expect', async () => {
    const fleet = await makeFleet(central)
    const all = mixed(60)
    const evicted = all.filter(({ lane, seq }) => lane === 'telemetry' && seq > 10 && seq < 30)
    const entry = {
      cause: 'evicted',
      lane: 'telemetry',
      firstSeq: evicted[0].seq,
      lastSeq: evicted[evicted.length - 1].seq,
      count: evicted.length,
    }
    const ledger = all.findLast(({ lane }) => lane === 'critical')!
    const told = {
      ...ledger,
      type: LEDGER_TYPE,
      payload: Buffer.from(JSON.stringify({ entries: [entry] })),
    }
    await deliver(
      fleet,
      all
        .filter((record) => !evicted.includes(record))
        .map((record) => (record === ledger ? told : record)),
    )
    const { code, stdout } = await run(fleet, '--json')
    assert.equal(code, 0)
    const [account] = JSON.parse(stdout).epochs
    assert.deepEqual([account.ledgered, account.missing], [evicted.length, 0])

    const { vehicle, epoch } = fleet.origin
    const more = await run(fleet, '--json', '--expect', `${vehicle}/${epoch}/63`)
    assert.equal(more.code, 1)
    assert.equal(JSON.parse(more.stdout).epochs[0].missing, 3)
    assert.equal((await run(fleet, '--expect', 'nonsense')).code, 2)
  })

  test('strangers in a topic are counted, and a topic that is not there is named', async () => {
    const fleet = await makeFleet(central)
    const records = mixed(10)
    await forge(fleet, [...records, { ...records[2], seq: 2 ** 45 }])
    const { code, stdout } = await run(fleet)
    assert.equal(code, 0)
    assert.match(stdout, /10 records of 1 outbox, 1 not ours: balanced/)
    const missing = await milepost('audit', '--brokers', central.bootstrap, '--topic', 'not.there')
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /not\.there/)
  })
})
