import { z } from 'zod'
import { bitField } from '../diagnostics/bit-field.ts'
import { DTC_COUNT } from '../diagnostics/trouble-codes.ts'

const address = z.number().int().min(0).max(0xfd)
const pgn = z.number().int().min(0).max(0x3_ffff)

export const j1939Config = z.strictObject({
  /** Our own address; left out: only listens. 249 is that of a service tool. */
  address: address.optional(),
  /** Makes our NAME unlike that of another gateway on the same bus. */
  identity: z.number().int().min(0).max(0x1f_ffff).default(1),
  /** Reads the groups that milepost knows (EEC1, CCVS1, …) beside those of `groups`. */
  builtin: z.boolean().default(true),
  /** Only these source addresses; left out: all. */
  sources: z.array(address).max(254).optional(),
  /** Groups of one's own, or of one source: they go before what is built in. */
  groups: z
    .array(
      z.strictObject({
        pgn,
        source: address.optional(),
        fields: z.array(bitField.extend({ order: z.enum(['big', 'little']).default('little') })),
      }),
    )
    .max(1024)
    .default([]),
  /** Groups that are only sent when asked for; needs `address`. */
  requests: z
    .array(
      z.strictObject({
        pgn,
        everyMs: z.number().int().min(100).max(86_400_000),
        destination: z.number().int().min(0).max(0xff).default(0xff),
      }),
    )
    .max(256)
    .default([]),
  /** Name of the reading that counts trouble codes. */
  countSignal: z.string().min(1).default(DTC_COUNT),
})

export type J1939Config = z.infer<typeof j1939Config>
