import { z } from 'zod'
import { TRIAL_LIMITS } from '../../models/trial/limits.ts'
import { cronExpression } from './cron.ts'
import { mqttBroker } from './mqtt.ts'

/** How much a new bundle must show before it is marked good; see `models/trial`. */
const trial = z.strictObject({
  minRows: z.number().int().min(1).max(1_000_000).default(TRIAL_LIMITS.minRows),
  minSec: z
    .number()
    .min(0)
    .max(604_800)
    .default(TRIAL_LIMITS.minMs / 1000),
  maxInvalidShare: z.number().min(0).max(1).default(TRIAL_LIMITS.maxInvalidShare),
  maxSlowShare: z.number().min(0).max(1).default(TRIAL_LIMITS.maxSlowShare),
  maxMemoryGrowthMiB: z
    .number()
    .min(1)
    .max(65_536)
    .default(TRIAL_LIMITS.maxMemoryGrowthBytes / 2 ** 20),
  maxCrashes: z.number().int().min(1).max(100).default(3),
  maxReboots: z.number().int().min(1).max(1000).default(10),
})

/** `updates`: where releases come from, what makes the vehicle look for them, and how they are tried. */
export const updates = z.strictObject({
  /** The repository: `https://…`, or a folder. Without one, updates come by USB or by hand alone. */
  from: z.string().min(1).optional(),
  /** The root metadata that this vehicle was born with: the one file that is trusted unseen. */
  root: z.string(),
  check: z
    .strictObject({
      /** When to look, as node-cron understands it. */
      cron: cronExpression.default('17 * * * *'),
      /** Each look waits a random part of this, so that a fleet does not come at once. */
      jitterSec: z.number().min(0).max(86_400).default(600),
    })
    .prefault({}),
  /** A retained message on this broker makes the vehicle look, soon: its content is not trusted. */
  mqtt: z.strictObject({ ...mqttBroker, topic: z.string().min(1).optional() }).optional(),
  /** Where USB sticks are mounted; a folder `milepost-releases` in it is a repository. */
  usb: z
    .strictObject({
      path: z.string(),
      everySec: z.number().min(1).max(3600).default(10),
    })
    .optional(),
  /** A server that sends nothing for so long has stalled. */
  stallSec: z.number().min(1).max(3600).default(30),
  trial: trial.prefault({}),
})

export type UpdatesConfig = z.infer<typeof updates>
