import { z } from 'zod'
import { LANES } from '../../sync/record.ts'

const laneBounds = z.strictObject({
  /** What waits in this lane takes at most so much; its oldest records give way (`lane_full`). */
  maxMiB: z.number().positive().optional(),
  /** What has waited longer is deleted (`expired`). */
  maxAgeHours: z.number().positive().max(100_000).optional(),
})

/** `outbox`: what is kept on the vehicle until central has it. */
export const outbox = z.strictObject({
  /** Longest time that a record of the lower lanes waits for its commit. */
  groupCommitMs: z.number().int().min(0).max(10_000).default(50),
  /** Bytes of the outbox's files on disk, all lanes together. */
  maxMiB: z.number().positive().default(512),
  /** What the file owns at least, so that `critical` lives on when others fill the disk. */
  reserveMiB: z.number().positive().max(1024).default(8),
  /** At-rest encryption: where its key comes from. */
  key: z
    .union([
      z.strictObject({ file: z.string().min(1) }),
      z.strictObject({ command: z.array(z.string()).min(1).max(64) }),
    ])
    .optional(),
  /** Bounds of single lanes, inside those of the whole. */
  lanes: z.partialRecord(z.enum(LANES), laneBounds).default({}),
})
export type OutboxConfig = z.infer<typeof outbox>
