import type { DatabaseSet } from '../dbc/database-set.ts'
import { pgnOf } from '../dbc/database-set.ts'
import type { IdFilter } from './channel.ts'

/** Filters that let every frame in of which the DBC files of a bus describe at least one signal. */
export function wantedOf(set: DatabaseSet): IdFilter[] {
  return set.messages
    .filter((message) => message.signals.length > 0)
    .map(({ id, ext, j1939 }) => {
      if (!j1939 || !ext) return { id, ext }
      // A parameter group, from any source, with any priority (SAE J1939-21, 5.1.2).
      const toOne = ((id >>> 16) & 0xff) < 0xf0
      return { id: pgnOf(id) << 8, mask: toOne ? 0x03ff_0000 : 0x03ff_ff00, ext }
    })
}
