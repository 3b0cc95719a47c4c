import { randomOf } from '../../../models/training/random.ts'
// A process that is killed: sends the records of an outbox that it makes up, each by its `seq`, from
// where Kafka says it got. Argument: JSON of `SenderOptions`. Says `open` once it sends.
import { createKafkaUplink, type KafkaUplinkConfig } from '../../../sync/kafka/kafka-uplink.ts'
import type { Lane, Origin, StoredRecord } from '../../../sync/record.ts'
import { laneOf, Records } from './support.ts'

export interface SenderOptions {
  readonly config: KafkaUplinkConfig
  readonly origin: Origin
  readonly seed: number
  readonly maxBatchRecords: number
  /** Ends after this `seq`; without it goes on until it is killed. */
  readonly lastSeq?: number
}

const { config, origin, seed, maxBatchRecords, lastSeq }: SenderOptions = JSON.parse(
  process.argv[2],
)
const random = randomOf(seed)
const uplink = createKafkaUplink(config)
const positions = await uplink.open(origin)
console.log('open')

const records = new Records()
let seq = 0
while (seq < (lastSeq ?? Number.POSITIVE_INFINITY)) {
  const batch: StoredRecord[] = []
  const wanted = 1 + Math.floor(random() * maxBatchRecords)
  while (batch.length < wanted && seq < (lastSeq ?? Number.POSITIVE_INFINITY)) {
    const lane: Lane = laneOf(++seq)
    const record = records.next(lane)
    if (seq > positions[lane]) batch.push(record)
  }
  await uplink.send(batch)
}
await uplink.close()
console.log(JSON.stringify({ positions }))
