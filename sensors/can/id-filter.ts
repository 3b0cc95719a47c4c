import { z } from 'zod'
import type { IdFilter } from './channel.ts'

const canId = z.number().int().min(0).max(0x1fff_ffff)

/** An `IdFilter` in a config: a number, 29-bit where it does not fit 11, or the parts of a filter. */
export const idFilter = z.union(
  [
    canId.transform((id): IdFilter => ({ id })),
    z.strictObject({ id: canId, mask: canId.optional(), ext: z.boolean().optional() }),
  ],
  'expected an identifier from 0 to 0x1FFFFFFF, or { id, mask, ext }',
)
