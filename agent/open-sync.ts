import { join } from 'node:path'
import { Sync } from '../sync/sync-thread.ts'
import { bootId } from './clock.ts'
import type { LoadedConfig } from './config/load.ts'

/** The outbox in a data folder. */
export function outboxPath(dataDir: string): string {
  return join(dataDir, 'outbox.db')
}

/** Opens the outbox of this config and starts its thread. */
export function openSync({ dataDir, vehicle, outbox, uplink }: LoadedConfig): Promise<Sync> {
  return Sync.start({
    outbox: {
      path: outboxPath(dataDir),
      vehicle,
      bootId: bootId(),
      maxBytes: outbox.maxMiB * 2 ** 20,
      groupCommitMs: outbox.groupCommitMs,
    },
    uplink,
  })
}
