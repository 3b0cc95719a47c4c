// kafkajs as it comes, which only counts the records of the same topic.
import { Kafka, logLevel } from 'kafkajs'

const [bootstrap, topic, wanted] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({
  groupId: `bare-${Date.now()}`,
  maxBytesPerPartition: 4 * 1024 ** 2,
})
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
let records = 0
// From the first record on: joining a group takes seconds that are not the point.
let startMs = 0
await consumer.run({
  eachBatch: async ({ batch }) => {
    startMs ||= performance.now()
    records += batch.messages.length
    if (records < Number(wanted)) return
    const seconds = (performance.now() - startMs) / 1000
    const peakMiB = process.resourceUsage().maxRSS / 1024
    const told = JSON.stringify({ recordsPerS: records / seconds, peakMiB })
    process.stdout.write(told, () => process.exit(0))
  },
})
