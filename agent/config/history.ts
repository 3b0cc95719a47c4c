import { z } from 'zod'

/** The last hours of readings, remembered on the vehicle's own disk; see `agent/local`. */
export const history = z.strictObject({
  enabled: z.boolean().default(true),
  /** Names of signals; `*` stands for any run of characters. */
  signals: z.array(z.string().min(1)).min(1).default(['*']),
  /** Bytes on the disk, all of it together. */
  maxMiB: z.number().min(1).max(100_000).default(96),
  /** Bytes written in an hour: flash wears out. Beyond it, full readings become rarer. */
  maxMiBPerHour: z.number().min(1).max(100_000).default(60),
  /** How long every reading is kept, one a second, and one in ten seconds. */
  fullMinutes: z.number().min(1).max(1440).default(10),
  secondsHours: z.number().min(0.1).max(1000).default(8),
  tensHours: z.number().min(0.1).max(10_000).default(24),
})
