// What kafkajs does without our fence and with its own backoff: one transaction right after another,
// until one of them had to wait for the end of the one before. A process of its own, because the fence
// holds for all of a process.
import { Kafka, logLevel } from 'kafkajs'
import { spyTimers } from './timer-spy.ts'

/** A wait comes with nearly every transaction. */
const MAX_TRANSACTIONS = 200

const [bootstrap, topic, transactionalId] = process.argv.slice(2)
const timers = spyTimers()
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })
const producer = kafka.producer({ transactionalId, maxInFlightRequests: 1, idempotent: true })
await producer.connect()
for (let n = 0; n < MAX_TRANSACTIONS && timers.retryWaitsMs.length === 0; n++) {
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ value: 'x' }] })
  await transaction.commit()
}
const { retryWaitsMs, negative } = timers
process.stdout.write(JSON.stringify({ retryWaitsMs, negative }), () => process.exit(0))
