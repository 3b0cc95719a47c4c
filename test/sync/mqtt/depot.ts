import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Audit } from '../../../sync/audit.ts'
import { identityOf } from '../../../sync/kafka/message.ts'
import { LANES, type Origin } from '../../../sync/record.ts'
import type { RelayConfig } from '../../../sync/relay/relay.ts'
import type { SharedCentral } from '../../support/central.ts'
import { type Mosquitto, type MosquittoOptions, useMosquitto } from '../../support/mosquitto.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { type Fleet, makeFleet, readAll } from '../kafka/support.ts'

/** How often Kafka is looked at before what is missing counts as missing. */
const TRIES = 50

/** What a depot's broker should be set to: it never drops what the relay has not fetched yet. */
export const DEPOT_LINES = ['max_inflight_messages 0', 'max_queued_messages 100000']

export interface Depot {
  readonly broker: Mosquitto
  readonly fleet: Fleet
  readonly config: RelayConfig
}

/** A real broker, topics of its own on a real Kafka, and the config of a relay between them. */
export async function makeDepot(
  central: SharedCentral,
  options: MosquittoOptions = {},
): Promise<Depot> {
  const fleet = await makeFleet(central)
  const broker = await useMosquitto({ lines: DEPOT_LINES, ...options })
  const dir = tempDir({ after })
  const config: RelayConfig = {
    path: join(dir, 'relay.db'),
    name: central.unique('depot'),
    broker: { url: broker.url },
    kafka: fleet.config,
    limits: { groupCommitMs: 20, telemetryLingerMs: 20, minRetryMs: 50 },
  }
  return { broker, fleet, config }
}

/**
 * Accounts for every record on Kafka, once there are as many as `records`: the markers of a commit are
 * written a moment after it is answered.
 */
export async function auditOf({ config }: Fleet, records: number) {
  for (let left = TRIES; ; left--) {
    const audit = new Audit()
    let read = 0
    for (const lane of LANES) {
      const topic = config.topics[lane]
      for (const { headers, key } of await readAll({ brokers: config.brokers, topic })) {
        const identity = identityOf(headers)
        if (!identity || String(key) !== identity.vehicle) throw new Error('a record of nobody')
        audit.add(identity)
        read++
      }
    }
    if (read >= records || left === 0) {
      return audit.report().sort((a, b) => a.vehicle.localeCompare(b.vehicle))
    }
    await sleep(200)
  }
}

/** The report of a vehicle whose records are all there, once and in order. */
export function complete({ vehicle, epoch }: Origin, lastSeq: number) {
  return {
    ...{ vehicle, epoch, lastSeq, present: lastSeq },
    ...{ missing: 0, duplicated: 0, outOfOrder: 0, ledgered: 0 },
  }
}
