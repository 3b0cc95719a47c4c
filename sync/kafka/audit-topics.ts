import { Audit, type EpochAccount, type Identity, isPlausible } from '../audit.ts'
import { AVRO_TYPE, type RegistryConnection } from '../avro/config.ts'
import { SyncError } from '../errors.ts'
import { LEDGER_TYPE, parseLedger } from '../ledger.ts'
import type { KafkaConnection } from './client.ts'
import {
  type Held,
  type HistoryBatch,
  type HistoryProgress,
  heldOf,
  readHistory,
} from './history.ts'
import { identityOf } from './message.ts'

export interface AuditOptions extends KafkaConnection {
  readonly topics: readonly string[]
  /** Reads ledger records that were written in Avro; without it they are refused. */
  readonly registry?: RegistryConnection
  /** See `Audit`: for topics that do not hold all lanes, or no longer their beginning. */
  readonly byChains?: boolean
  /** What vehicles are known to have given out, for the end that no later record vouches for. */
  readonly expected?: readonly { vehicle: string; epoch: string; lastSeq: number }[]
  readonly signal?: AbortSignal
  readonly onProgress?: (topic: string, progress: HistoryProgress) => void
}

export interface TopicsAccount {
  readonly epochs: readonly EpochAccount[]
  readonly records: number
  /** Without our identity: another program wrote them. */
  readonly foreign: number
  /** What was not read, as a transaction is still open before it: what is missing may be there. */
  readonly held: readonly (Held & { topic: string; partition: number })[]
  /** Nothing missing, twice or out of order, in what was read. */
  readonly balanced: boolean
}

/**
 * Reads topics from their first offset, `read_committed`, and accounts for every record of every
 * vehicle. Two vehicles' records of one partition are told apart; each topic is read once.
 */
export async function auditTopics(options: AuditOptions): Promise<TopicsAccount> {
  const { topics, byChains, expected = [], signal, onProgress, ...connection } = options
  const audit = new Audit({ byChains })
  for (const { vehicle, epoch, lastSeq } of expected) audit.expect(vehicle, epoch, lastSeq)
  let records = 0
  let foreign = 0
  const held: (Held & { topic: string; partition: number })[] = []
  for (const topic of new Set(topics)) {
    const batches = readHistory({
      ...connection,
      topic,
      signal,
      onRanges: (ranges) => held.push(...heldOf(ranges).map((one) => ({ topic, ...one }))),
      onProgress: (progress) => onProgress?.(topic, progress),
    })
    for await (const batch of batches) {
      for (let n = 0; n < batch.length; n++) {
        const identity = identityOf(batch.headers(n))
        if (identity && isPlausible(identity)) {
          records++
          look(audit, identity, batch, n)
        } else foreign++
      }
    }
  }
  if (signal?.aborted) throw new SyncError('UPLINK_OFFLINE', 'The audit was interrupted')
  const epochs = audit.report()
  const balanced = epochs.every(
    ({ missing, duplicated, outOfOrder }) => missing + duplicated + outOfOrder === 0,
  )
  return { epochs, records, foreign, held, balanced }
}

function look(audit: Audit, identity: Identity, batch: HistoryBatch, n: number): void {
  const isNew = audit.add(identity)
  if (!isNew || batch.header(n, 'ce_type')?.toString() !== LEDGER_TYPE) return
  const { vehicle, epoch } = identity
  if (batch.contentType(n) === AVRO_TYPE) {
    throw new SyncError('UPLINK_REGISTRY', 'The ledger is in Avro, and no registry was named', {
      hint: 'Name it with --registry http://host:8081, or a config whose uplink has a payload.',
    })
  }
  audit.ledger(vehicle, epoch, parseLedger(batch.value(n) ?? new Uint8Array()))
}
