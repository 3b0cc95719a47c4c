// kafkajs as it comes, in a process of its own: the fence of sync/kafka holds for all of a process.
// Takes one line of JSON a round on standard input and answers each with the seconds it took.
import { createInterface } from 'node:readline'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import type { BareOrder } from './round.ts'
import { messagesOf } from './round.ts'

const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING })

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as BareOrder
  const seconds = order.what === 'produce' ? await produce(order) : await consume(order)
  console.log(JSON.stringify({ seconds }))
}
process.exit(0)

async function produce({ topic, records, batchRecords }: BareOrder): Promise<number> {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  const batches = [...messagesOf(records, batchRecords)]
  const startMs = performance.now()
  for (const messages of batches) await producer.send({ topic, messages })
  const seconds = (performance.now() - startMs) / 1000
  await producer.disconnect()
  return seconds
}

async function consume({ topic, records }: BareOrder): Promise<number> {
  const consumer = kafka.consumer({
    groupId: `${topic}-${Date.now()}`,
    maxBytesPerPartition: 4 * 1024 ** 2,
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let count = 0
  // From the first record on: joining a group takes seconds that are not the point.
  let startMs = 0
  const done = new Promise<void>((resolve) => {
    void consumer.run({
      eachBatch: async ({ batch }) => {
        startMs ||= performance.now()
        count += batch.messages.length
        if (count >= records) resolve()
      },
    })
  })
  await done
  const seconds = (performance.now() - startMs) / 1000
  await consumer.disconnect()
  return seconds
}
