import type { OutboxLimits } from '../sync/outbox/limits.ts'
import { Sync } from '../sync/sync-thread.ts'
import { bootId } from './clock.ts'
import type { LoadedConfig } from './config/load.ts'
import type { OutboxConfig } from './config/outbox.ts'
import { outboxPath } from './data-dir.ts'

const MIB = 2 ** 20
const HOUR_MS = 3_600_000

/** Bounds in the units of `sync`. */
function outboxLimits({ maxMiB, reserveMiB, lanes }: OutboxConfig) {
  const bounds = Object.entries(lanes).map(([lane, { maxMiB, maxAgeHours }]) => [
    lane,
    {
      ...(maxMiB !== undefined && { maxBytes: maxMiB * MIB }),
      ...(maxAgeHours !== undefined && { maxAgeMs: maxAgeHours * HOUR_MS }),
    },
  ])
  return {
    maxBytes: maxMiB * MIB,
    reserveBytes: reserveMiB * MIB,
    lanes: Object.fromEntries(bounds) as OutboxLimits['lanes'],
  }
}

/** Opens the outbox of this config and starts its thread. */
export function openSync({ dataDir, vehicle, outbox, uplink }: LoadedConfig): Promise<Sync> {
  return Sync.start({
    outbox: {
      path: outboxPath(dataDir),
      vehicle,
      bootId: bootId(),
      groupCommitMs: outbox.groupCommitMs,
      ...(outbox.key && { key: outbox.key }),
      ...outboxLimits(outbox),
    },
    uplink,
  })
}
