// What one writes in an afternoon: mqtt.js in, kafkajs out, both as they come. It acknowledges before
// Kafka has a message, so a kill loses some. Prints the seconds from the first message to the last.
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import mqtt from 'mqtt'

const [url, bootstrap, topic, expected] = process.argv.slice(2)
const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).producer({
  idempotent: true,
  maxInFlightRequests: 1,
  createPartitioner: Partitioners.DefaultPartitioner,
})
await producer.connect()
const MAX_BATCH = 1_700
let waiting: { key: string; value: Buffer; headers: Record<string, string> }[] = []
let startMs = 0
let sent = 0
let sending = false

async function drain(): Promise<void> {
  if (sending) return
  sending = true
  while (waiting.length > 0) {
    const messages = waiting.slice(0, MAX_BATCH)
    waiting = waiting.slice(MAX_BATCH)
    await producer.send({ topic, messages })
    sent += messages.length
    if (sent === Number(expected)) {
      console.log(JSON.stringify({ seconds: (performance.now() - startMs) / 1000 }))
      process.exit(0)
    }
  }
  sending = false
}

const client = await mqtt.connectAsync(url, { protocolVersion: 5, clientId: 'bare', clean: false })
client.on('message', (_topic, value, packet) => {
  startMs ||= performance.now()
  const headers = { ...packet.properties?.userProperties } as Record<string, string>
  waiting.push({ key: headers.vehicle, value, headers })
  void drain()
})
await client.subscribeAsync('milepost/records/+/+', { qos: 1 })
console.log('live')
