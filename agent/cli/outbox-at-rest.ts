import { setTimeout as sleep } from 'node:timers/promises'
import type { KeySource } from '../../sync/outbox/key.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { outboxOwner } from '../../sync/outbox/verify.ts'
import { bootId } from '../clock.ts'

/** Who only looks is done in some tens of milliseconds; an agent that has just started is not. */
const WAIT_MS = 5_000
const TRY_MS = 50

/**
 * Opens the outbox of an agent that is down. One at a time may have it, so two who look at once take
 * turns; a damaged one is left as it is. Throws `OUTBOX_LOCKED` where another process keeps it.
 */
export async function outboxAtRest(path: string, key: KeySource | undefined): Promise<Outbox> {
  const endMs = performance.now() + WAIT_MS
  for (;;) {
    try {
      const { vehicle } = outboxOwner(path, key)
      return Outbox.open({ path, vehicle, bootId: bootId(), putAside: false, ...(key && { key }) })
    } catch (error) {
      const locked = (error as { code?: unknown }).code === 'OUTBOX_LOCKED'
      if (!locked || performance.now() > endMs) throw error
      await sleep(TRY_MS * (0.5 + Math.random()))
    }
  }
}
