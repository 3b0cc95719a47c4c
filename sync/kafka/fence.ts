import { createRequire } from 'node:module'
import { markAborted } from './aborted.ts'

/**
 * The one place that loads kafkajs, with its faults fenced. kafkajs has no active maintainer, so
 * each fence replaces one function by name, and this version is the only one it was read against.
 */
const FENCED_VERSION = '2.2.4'

const require = createRequire(import.meta.url)
type Patched = Record<string, unknown>

/** Loads an internal module of kafkajs; its own `require` gives it the same object. */
export function internal<T>(path: string): T {
  return require(`kafkajs/src/${path}`) as T
}

/** What a fetch response holds, before kafkajs makes batches of it. */
interface FetchResponse {
  responses: {
    partitions: {
      abortedTransactions: { producerId: string; firstOffset: string }[] | null
      messages: FetchedMessage[]
    }[]
  }[]
}

/** A message as kafkajs decodes it. */
export interface FetchedMessage {
  readonly offset: string
  readonly key: Buffer | null
  isControlRecord: boolean
  readonly batchContext:
    | { readonly producerId: string; readonly inTransaction: boolean }
    | undefined
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

const { version } = require('kafkajs/package.json') as { version: string }
if (version !== FENCED_VERSION) {
  throw new Error(
    `sync/kafka fences kafkajs ${FENCED_VERSION}, but ${version} is installed: read its sources, run the tests of sync/kafka, then change FENCED_VERSION.`,
  )
}
fenceAbortedTransactions()
fenceThrottleTimer()

/** kafkajs, fenced. */
export const kafkajs = require('kafkajs') as typeof import('kafkajs')
