import { setTimeout as sleep } from 'node:timers/promises'
import { answerOf } from './failure.ts'

const RETRY_INTERVAL_MS = 100

/** A partition or a group that was just made, that moves, or whose broker has just started. */
const PASSING = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
])

/**
 * Calls again while the broker says that it is not ready yet, which kafkajs takes for final. The
 * caller bounds the time: once its sockets are cut, the next call fails for good.
 */
export async function patiently<T>(
  call: () => Promise<T>,
  { between, signal }: { between?: () => Promise<unknown>; signal?: AbortSignal } = {},
): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!PASSING.has(answerOf(error) ?? '')) throw error
      await sleep(RETRY_INTERVAL_MS, undefined, { signal })
      await between?.()
    }
  }
}
