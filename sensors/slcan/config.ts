import { z } from 'zod'
import { baudRate } from '../serial/read-lines.ts'
import { BITRATE_NUMBERS, DATA_BITRATE_NUMBERS } from './protocol.ts'

const oneOf = (allowed: ReadonlyMap<number, number>) =>
  z
    .number()
    .refine((bitrate) => allowed.has(bitrate), `one of ${[...allowed.keys()].join(', ')} bit/s`)

export const slcanConfig = z.strictObject({
  /** Device node; `/dev/serial/by-id/…` stays the same over unplugging. */
  port: z.string().min(1),
  /** Speed of the serial line. USB adapters take any. */
  baudRate: baudRate.default(115_200),
  /** Speed of the CAN bus, bit/s. */
  bitrate: oneOf(BITRATE_NUMBERS).default(500_000),
  /** Speed of CAN FD's data phase, bit/s. */
  dataBitrate: oneOf(DATA_BITRATE_NUMBERS).optional(),
  /** Never drives the bus, not even to acknowledge; false lets OBD and UDS ask on it. */
  listenOnly: z.boolean().default(true),
  /** Whose clock stamps a frame: ours at arrival, or the adapter's milliseconds. */
  timestamps: z.enum(['host', 'adapter']).default('host'),
  /** How often the adapter is asked how it is; 0 never. */
  statusEveryMs: z.number().int().min(0).max(60_000).default(1000),
})

export type SlcanConfig = z.infer<typeof slcanConfig>
