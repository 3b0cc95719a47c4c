import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { Audit } from '../../../sync/audit.ts'
import { identityOf } from '../../../sync/kafka/message.ts'
import { LANES, type Origin } from '../../../sync/record.ts'
import type { RelayConfig } from '../../../sync/relay/relay.ts'
import { useCentral } from '../../support/central.ts'
import { type Mosquitto, type MosquittoOptions, useMosquitto } from '../../support/mosquitto.ts'
import { type Fleet, makeFleet, readAll } from '../kafka/support.ts'

/** What a depot's broker should be set to: it never drops what the relay has not fetched yet. */
export const DEPOT_LINES = ['max_inflight_messages 0', 'max_queued_messages 100000']

export interface Depot {
  readonly broker: Mosquitto
  readonly fleet: Fleet
  readonly config: RelayConfig
}

/** A real broker, topics of its own on a real Kafka, and the config of a relay between them. */
export async function makeDepot(options: MosquittoOptions = {}): Promise<Depot> {
  const central = await useCentral()
  const fleet = await makeFleet(central)
  const broker = await useMosquitto({ lines: DEPOT_LINES, ...options })
  const dir = mkdtempSync(join(tmpdir(), 'milepost-relay-'))
  after(() => rmSync(dir, { recursive: true, force: true }))
  const config: RelayConfig = {
    path: join(dir, 'relay.db'),
    name: central.unique('depot'),
    broker: { url: broker.url },
    kafka: fleet.config,
    limits: { groupCommitMs: 20, lingerMs: 20, minRetryMs: 50 },
  }
  return { broker, fleet, config }
}

/** Accounts for every record that these vehicles gave, as committed on Kafka. */
export async function auditOf(
  { config }: Fleet,
  expected: readonly (Origin & { lastSeq: number })[],
) {
  const audit = new Audit()
  for (const { vehicle, epoch, lastSeq } of expected) audit.expect(vehicle, epoch, lastSeq)
  for (const lane of LANES) {
    for (const { headers, key } of await readAll({
      brokers: config.brokers,
      topic: config.topics[lane],
    })) {
      const identity = identityOf(headers)
      if (!identity || String(key) !== identity.vehicle) throw new Error('a record of nobody')
      audit.add(identity)
    }
  }
  return audit.report()
}

/** The report of a vehicle whose records are all there, once and in order. */
export function complete({ vehicle, epoch }: Origin, lastSeq: number) {
  return {
    ...{ vehicle, epoch, lastSeq, present: lastSeq },
    ...{ missing: 0, duplicated: 0, outOfOrder: 0, ledgered: 0 },
  }
}
