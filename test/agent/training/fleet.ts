import type { Collected } from '../../../agent/collection/campaign.ts'
import { makeCampaign } from '../../../agent/collection/make-campaign.ts'
import type { CampaignConfig } from '../../../agent/config/schema.ts'
import { driveReadings } from '../../../agent/drives/drive.ts'
import { SignalCatalog } from '../../../sensors/reading.ts'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import type { StoredRecord } from '../../../sync/record.ts'
import type { SharedCentral } from '../../support/central.ts'
import { Records } from '../../sync/kafka/support.ts'

export const SIGNALS = ['Engine.Rpm', 'Engine.Load', 'EngineAir.MassFlow', 'Tyre.PressureFrontLeft']

/** A recipe for these signals, small enough to be trained in a test. */
export const RECIPE = `
name: from-the-log
kind: reconstruction
seed: 3
features:
  sampleEveryMs: 1000
  missing: { rule: hold, maxAgeMs: 10000 }
  inputs:
    - { name: Engine.Rpm, unit: rpm }
    - { name: Engine.Load, unit: "%" }
    - { name: EngineAir.MassFlow, unit: g/s }
    - { name: Tyre.PressureFrontLeft, unit: kPa }
split: { heldOutShare: 0.4 }
network: { hidden: [5, 2, 5] }
training: { epochs: 6, batchRows: 64, learningRate: 0.01 }
threshold: { alarms: 1, hours: 1 }
alarm: { clearRatio: 0.8, coolDownMs: 5000, minDurationMs: 0 }
`

type Way = Partial<CampaignConfig>
const SNAPSHOTS: Way = { sampleEveryMs: 1000 }

/** What an agent collects on a drive of this seed. */
export function collectDrive(seed: number, seconds: number, way: Way = SNAPSHOTS): Collected[] {
  const catalog = new SignalCatalog()
  const campaign = makeCampaign(
    { id: 'drive', lane: 'telemetry', staleAfterMs: 10_000, signals: SIGNALS, ...way },
    { catalog, known: { has: () => true, all: () => [], open: true }, fetch: () => {} },
  )
  const records: Collected[] = []
  for (const batch of driveReadings({ seed, seconds }, catalog)) {
    campaign.observe(batch, (record) => records.push(record))
  }
  return records
}

export function stored(collected: readonly Collected[], records = new Records()): StoredRecord[] {
  return collected.map(({ type, timeUs, content }) =>
    records.next('telemetry', { type, timeUs, payload: Buffer.from(JSON.stringify(content)) }),
  )
}

/** Records of each vehicle. */
export type FleetRecords = ReadonlyMap<string, readonly StoredRecord[]>

/** A topic for the fleet's telemetry, and how its records get there: exactly once, as agents send them. */
export async function openTopic(central: SharedCentral, partitions: number) {
  const topic = central.unique('telemetry')
  const checkpointTopic = central.unique('checkpoints')
  await central.createTopics([
    // The drives are of a day long ago.
    { topic, partitions, config: { 'retention.ms': '-1' } },
    { topic: checkpointTopic, partitions: 3, config: {} },
  ])
  const topics = { critical: topic, events: topic, telemetry: topic }
  /** Each sending is an epoch of its own. */
  const send = async (fleet: FleetRecords): Promise<void> => {
    const epoch = `epoch-${central.unique('run')}`
    for (const [vehicle, records] of fleet) {
      const uplink = createKafkaUplink({ brokers: [central.bootstrap], topics, checkpointTopic })
      await uplink.open({ vehicle, epoch })
      for (let at = 0; at < records.length; at += 500) {
        await uplink.send(records.slice(at, at + 500))
      }
      await uplink.close()
    }
  }
  return { topic, send }
}

/** Sends records of vehicles to a topic; returns the topic. */
export async function sendFleet(
  central: SharedCentral,
  fleet: FleetRecords,
  partitions = 3,
): Promise<string> {
  const { topic, send } = await openTopic(central, partitions)
  await send(fleet)
  return topic
}
