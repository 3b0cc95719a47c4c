import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { useCentral } from '../../support/central.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { makeFleet, Records, readAll } from './support.ts'
import { spyTimers, type Timers } from './timer-spy.ts'

/** What kafkajs waits by default before it asks again is 300 ms, give or take a fifth. */
const DEFAULT_LEAST_MS = 240
const MOST_TRANSACTIONS = 200
/** kafkajs' first look at its queue is after 10 ms of rest. */
const REST_MS = 50

const central = await useCentral()

function watched(t: TestContext): Timers {
  const timers = spyTimers()
  t.after(() => timers.restore())
  return timers
}

/** kafkajs as it comes, in a process of its own. */
async function bare(): Promise<Timers> {
  const fleet = await makeFleet(central)
  const script = new URL('./bare-transactions.ts', import.meta.url).pathname
  const args = [central.bootstrap, fleet.config.topics.events, fleet.origin.vehicle]
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [...TYPESCRIPT, script, ...args])
  return JSON.parse(stdout) as Timers
}

describe('timers of kafkajs against the real broker', () => {
  const asItComes = bare()

  test('a transaction that meets the end of the last one waits milliseconds, not 300', async (t) => {
    const [first] = (await asItComes).retryWaitsMs
    assert.ok(first >= DEFAULT_LEAST_MS, `as it comes it would wait ${first} ms`)
    const fleet = await makeFleet(central)
    const uplink = createKafkaUplink(fleet.config)
    t.after(() => uplink.close())
    await uplink.open(fleet.origin)
    const timers = watched(t)
    const records = new Records()
    let sent = 0
    for (; sent < MOST_TRANSACTIONS && timers.retryWaitsMs.length < 5; sent++) {
      await uplink.send(records.take(1))
    }
    t.diagnostic(`${timers.retryWaitsMs.length} waits in ${sent} transactions`)
    assert.ok(timers.retryWaitsMs.length > 0, 'no transaction met the end of the one before')
    const longest = Math.max(...timers.retryWaitsMs)
    assert.ok(longest < DEFAULT_LEAST_MS / 2, `it waits ${longest} ms`)
  })

  test('no timer of minus some milliseconds, of which Node.js 24 warns', async (t) => {
    const warnings: string[] = []
    const heard = ({ name }: Error) => warnings.push(name)
    process.on('warning', heard)
    t.after(() => process.off('warning', heard))
    assert.ok((await asItComes).negative > 0, 'kafkajs as it comes sets none either')
    const fleet = await makeFleet(central)
    const timers = watched(t)
    const uplink = createKafkaUplink(fleet.config)
    t.after(() => uplink.close())
    await uplink.open(fleet.origin)
    for (const batch of [1, 100, 1_000]) {
      await uplink.send(new Records().take(batch))
      await sleep(REST_MS)
    }
    const { brokers, topics } = fleet.config
    assert.equal((await readAll({ brokers, topic: topics.telemetry })).length, 1_101)
    assert.equal(timers.negative, 0)
    assert.deepEqual(
      warnings.filter((name) => name === 'TimeoutNegativeWarning'),
      [],
    )
  })
})
