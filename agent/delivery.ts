import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../sensors/sensor.ts'
import { LANES } from '../sync/record.ts'
import type { Sync } from '../sync/sync-thread.ts'

/** What was not delivered in the time given. */
export interface Leftover {
  /** Records in the outbox. */
  readonly waiting: number
  /** Records that the disk has not taken. */
  readonly uncommitted: number
  /** Whether there is an uplink that they wait for. */
  readonly uplink: boolean
}

const LOOK_MS = 100
/** How much longer a status is waited for that knows of the last record. */
const STATUS_GRACE_MS = 3_000

/**
 * Resolves once all that was appended so far has been delivered, or after `limitMs`; where there is no
 * uplink, once it is committed. Answers what is left.
 */
export async function delivered(sync: Sync, clock: Clock, limitMs: number): Promise<Leftover> {
  const deadlineUs = clock.monoUs() + limitMs * 1000
  let committed = false
  // On a full disk this may last for ever: it is waited for below, and no longer than `limitMs`.
  const flushed = sync.flush().then(
    () => {
      committed = true
    },
    () => {},
  )
  await Promise.race([flushed, sleep(limitMs, undefined, { ref: false })])
  // The status of before may not yet know of what has just been kept.
  const asked = clock.nowUs()
  for (;;) {
    const { lanes, uplink, outbox, timeUs } = sync.status()
    const waiting = LANES.reduce((sum, lane) => sum + lanes[lane].records, 0)
    const fresh = timeUs >= asked
    const done = uplink.kind === 'none' || (waiting === 0 && fresh)
    const lateUs = clock.monoUs() - deadlineUs
    const over = lateUs > (fresh ? 0 : STATUS_GRACE_MS * 1000)
    if (over || (committed && done)) {
      const uncommitted = committed ? 0 : outbox.queuedRecords
      return { waiting, uncommitted, uplink: uplink.kind !== 'none' }
    }
    await sleep(LOOK_MS)
  }
}
