// What kafkajs gives without our fence: counts the records of a topic up to an offset of its one
// partition. A process of its own, because the fence holds for all of a process.
import { Kafka, logLevel } from 'kafkajs'

const [bootstrap, topic, groupId, end] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({ groupId, readUncommitted: false })
let records = 0
let aborted = 0
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) {
      records++
      if (String(value).startsWith('aborted')) aborted++
    }
    if (Number(batch.lastOffset()) < Number(end) - 1) return
    process.stdout.write(JSON.stringify({ records, aborted }), () => process.exit(0))
  },
})
