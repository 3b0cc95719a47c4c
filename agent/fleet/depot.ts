import { join } from 'node:path'
import { tieredConfig } from '../../deploy/central/topics.ts'
import { createTopics } from '../../sync/kafka/admin.ts'
import { LANES } from '../../sync/record.ts'
import type { RelayConfig } from '../../sync/relay/relay.ts'

const MIB = 2 ** 20
/** Closed, and so carried away to the tier, while the simulation still runs. */
const SEGMENT = { 'segment.bytes': String(32 * MIB), 'segment.ms': '15000' }

/** Topics of this run alone, tiered, so that its account is its own. */
export async function makeTopics(bootstrap: string, partitions: number, run: string) {
  const topics = {
    ...{ critical: `fleet.${run}.critical`, events: `fleet.${run}.events` },
    telemetry: `fleet.${run}.telemetry`,
  }
  const checkpointTopic = `fleet.${run}.checkpoints`
  const retention = { localMs: 1_000, remoteMs: -1 }
  const config = { ...tieredConfig('default', retention), ...SEGMENT }
  await createTopics(bootstrap, [
    ...Object.values(topics).map((topic) => ({ topic, partitions, config })),
    { topic: checkpointTopic, partitions: LANES.length, config: {} },
  ])
  return { brokers: bootstrap.split(','), topics, checkpointTopic }
}

export function relayConfig(
  vehicles: number,
  dir: string,
  run: string,
  broker: RelayConfig['broker'],
  kafka: RelayConfig['kafka'],
): RelayConfig {
  return {
    ...{ path: join(dir, 'relay.db'), name: `depot-${run}`, kafka, broker },
    limits: { maxVehicles: vehicles + 1 },
  }
}
