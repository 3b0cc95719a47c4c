import { type FetchedMessage, markAborted } from './aborted.ts'
import { FENCED_VERSION, internal, replaceInternal, require } from './internal.ts'
import { encodeProduce, type ProduceArgs } from './produce.ts'

export { internal } from './internal.ts'

type Patched = Record<string, unknown>

/** What a fetch response holds, before kafkajs makes batches of it. */
interface FetchResponse {
  responses: {
    partitions: {
      abortedTransactions: { producerId: string; firstOffset: string }[] | null
      messages: FetchedMessage[]
    }[]
  }[]
}

interface RequestQueue {
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  pending: readonly unknown[]
  checkPendingRequests(): void
}

function assertFunction(module: Patched, name: string, where: string): void {
  if (typeof module?.[name] !== 'function') {
    throw new Error(
      `kafkajs ${FENCED_VERSION}: ${where} has no function ${name}; the fence is broken`,
    )
  }
}

/**
 * Aborted transactions come from the remote tier in no order, and kafkajs takes them for sorted by
 * first offset: it then delivers aborted records, or drops committed ones. Also with a sorted list
 * it opens only one transaction a message, so that a fetch that starts inside two of them leaks.
 * Here the aborted messages are marked as control records, which kafkajs never delivers but counts,
 * and its own filter gets an empty list.
 */
function fenceAbortedTransactions(): void {
  for (let version = 4; version <= 11; version++) {
    const response = internal<Patched>(`protocol/requests/fetch/v${version}/response`)
    assertFunction(response, 'decode', `fetch v${version}`)
    const decode = response.decode as (payload: Buffer) => Promise<FetchResponse>
    response.decode = async (payload: Buffer) => {
      const decoded = await decode(payload)
      for (const { partitions } of decoded.responses) {
        for (const partition of partitions) {
          markAborted(partition.messages, partition.abortedTransactions)
          partition.abortedTransactions = []
        }
      }
      return decoded
    }
  }
}

/**
 * With nothing throttled kafkajs sets a timer of minus some milliseconds (Node.js 24 warns:
 * `TimeoutNegativeWarning`), which sets the next one, a thousand times a second for ever.
 */
function fenceThrottleTimer(): void {
  const { prototype } = internal<{ prototype: Patched }>('network/requestQueue')
  assertFunction(prototype, 'scheduleCheckPendingRequests', 'RequestQueue')
  const pollIntervalMs = 10
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return
    const waitMs = Math.max(this.throttledUntil - Date.now(), pollIntervalMs)
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    }, waitMs)
  }
}

/** See `produce.ts`: also the batch's first and last timestamp, which kafkajs sorts as text. */
function fenceProduceEncoding(): void {
  const path = 'protocol/requests/produce/v7/request'
  const request = internal<(args: ProduceArgs) => object>(path)
  if (typeof (request({} as ProduceArgs) as Patched).encode !== 'function') {
    throw new Error(`kafkajs ${FENCED_VERSION}: ${path} has no encode; the fence is broken`)
  }
  replaceInternal(path, (args: ProduceArgs) => ({
    ...request(args),
    encode: async () => {
      const buffer = await encodeProduce(args)
      // Looks like an encoder to whoever writes the request's head before it.
      return { buf: buffer, buffer }
    },
  }))
}

/**
 * Where every broker fails a question, kafkajs forgets why and goes on with null: a right to a group
 * that is missing becomes "Failed to find group coordinator". Here the last reason is thrown.
 */
function fenceForgottenReasons(): void {
  type WithBroker = (callback: (args: unknown) => Promise<unknown>) => Promise<unknown>
  const { prototype } = internal<{ prototype: Patched }>('cluster/brokerPool')
  assertFunction(prototype, 'withBroker', 'BrokerPool')
  const withBroker = prototype.withBroker as WithBroker
  prototype.withBroker = async function (this: unknown, callback: Parameters<WithBroker>[0]) {
    let reason: unknown
    const answer = await withBroker.call(this, async (args) => {
      try {
        return await callback(args)
      } catch (error) {
        reason = error
        throw error
      }
    })
    if (answer === null && reason !== undefined) throw reason
    return answer
  }
}

/**
 * For each message kafkajs copies the list of those before it: with thousands in a request that is
 * an eighth of what a relay's forwarder does.
 */
function fenceQuadraticGrouping(): void {
  interface Grouping<M> {
    readonly topic: string
    readonly partitionMetadata: readonly unknown[]
    readonly messages: readonly M[]
    partitioner(args: { topic: string; partitionMetadata: unknown; message: M }): number
  }
  const path = 'producer/groupMessagesPerPartition'
  internal(path)
  replaceInternal(path, <M>({ topic, partitionMetadata, messages, partitioner }: Grouping<M>) => {
    const groups: Record<number, M[]> = {}
    if (partitionMetadata.length === 0) return groups
    for (const message of messages) {
      const partition = partitioner({ topic, partitionMetadata, message })
      ;(groups[partition] ??= []).push(message)
    }
    return groups
  })
}

fenceAbortedTransactions()
fenceQuadraticGrouping()
fenceThrottleTimer()
fenceForgottenReasons()
fenceProduceEncoding()

/** kafkajs, fenced. */
export const kafkajs = require('kafkajs') as typeof import('kafkajs')
