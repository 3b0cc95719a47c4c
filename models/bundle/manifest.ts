import { z } from 'zod'
import { fittedFeaturesSchema, MAX_INPUTS } from '../features/spec.ts'

/** Version of the bundle format that this code writes and reads. */
export const MANIFEST_FORMAT = 1
/** Clusters of a bundle; each costs a vehicle its distance to every row. */
export const MAX_CLUSTERS = 256

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 in lower-case hex')
const values = z.array(z.number()).min(1).max(MAX_INPUTS)
/** How much each column counts. */
const weightsSchema = z
  .array(z.number().nonnegative())
  .min(1)
  .max(MAX_INPUTS)
  .refine((weights) => weights.some((weight) => weight > 0), 'one weight at least is above 0')
const errorsSchema = z.array(z.number().nonnegative()).min(1).max(MAX_INPUTS)
const count = z.number().int().nonnegative()
const offset = z.string().regex(/^\d{1,19}$/, 'an offset in decimal digits')

/** Where the rows of a training came from. */
const sourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('topic'),
    topic: z.string(),
    /** Records read, those of them that hold no readings, and those that are not of their type. */
    records: count,
    otherTypes: count,
    poison: count,
    /** Records that came twice or too late, and records that are named and never came. */
    late: count,
    gaps: count,
    /** Records of vehicles that an earlier partition has records of too. */
    elsewhere: count.optional(),
    /** Records left out because windows of no more vehicles were to be open. */
    noRoom: count.positive().optional(),
    /** Readings of the inputs' signals; of them in another unit, and no finite number. */
    readings: count,
    otherUnit: count,
    rejected: count,
    /** `from` is the first offset read, `to` the first one not read. */
    partitions: z.array(z.strictObject({ partition: z.number().int(), from: offset, to: offset })),
  }),
  z.strictObject({
    kind: z.literal('dataset'),
    name: z.string(),
    licence: z.string(),
    files: z.array(z.strictObject({ name: z.string(), bytes: z.number().int(), sha256 })),
  }),
  z.strictObject({
    kind: z.literal('simulation'),
    description: z.string(),
    /** One seed for each simulated vehicle. */
    seeds: z.array(z.number().int()),
    secondsEach: z.number().int().positive(),
    /** Simulated seconds in a second; each vehicle drives once at each. */
    speeds: z.array(z.number().positive()),
    dbcSha256: sha256,
  }),
])

const trainedSchema = z.strictObject({
  source: sourceSchema,
  /** Rows read, and what became of them: the rest is `used` + `heldOut`. */
  records: z.number().int(),
  failed: z.number().int(),
  otherVehicles: z.number().int(),
  incomplete: z.number().int(),
  beyondLimit: z.number().int(),
  used: z.number().int(),
  heldOut: z.number().int(),
  vehicles: z.number().int(),
  seed: z.number().int(),
  recipe: z.strictObject({
    name: z.string(),
    sha256,
    /** The recipe as it was read, so that the training can be repeated from the bundle alone. */
    content: z.record(z.string(), z.unknown()).optional(),
  }),
  codeVersion: z.string(),
})

const thresholdSchema = z.strictObject({
  value: z.number().positive(),
  /** `observed` on held-out rows, or `extrapolated` from their tail where there were too few. */
  basis: z.enum(['observed', 'extrapolated', 'given']),
  /** The false alarms asked for: this many per vehicle in this many hours. */
  wanted: z.strictObject({ alarms: z.number().positive(), hours: z.number().positive() }),
  /** Held-out time that it rests on, summed over vehicles, and false alarms seen in it. */
  heldOutHours: z.number().nonnegative(),
  heldOutAlarms: z.number().int().nonnegative(),
})

const alarmSchema = z.strictObject({
  /** An event goes on until the score is below this share of the threshold … */
  clearRatio: z.number().positive().max(1),
  /** … for this long: what comes back earlier is the same event. */
  coolDownMs: z.number().int().nonnegative(),
  /** A score must be above the threshold for this long before it is an event. */
  minDurationMs: z.number().int().nonnegative(),
})

const goldenSchema = z.strictObject({
  /** Outputs and scores may differ by this, relative to 1 or to their own size if larger. */
  tolerance: z.number().positive().max(0.01),
  rows: z
    .array(z.strictObject({ raw: values, scaled: values, output: values, score: z.number() }))
    .min(1)
    .max(64),
})

const common = {
  format: z.literal(MANIFEST_FORMAT),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'lower-case letters, digits and hyphens'),
  description: z.string().max(500),
  features: fittedFeaturesSchema,
  golden: goldenSchema,
  limits: z.strictObject({
    /** A row may take this long on the vehicle. */
    latencyUs: z.number().positive(),
    /** The network's weights may take this much memory. */
    memoryBytes: z.number().int().positive(),
  }),
  threshold: thresholdSchema,
  alarm: alarmSchema,
  trained: trainedSchema,
  files: z
    .array(
      z.strictObject({
        path: z.string().min(1).max(200),
        bytes: z.number().int().nonnegative(),
        sha256,
      }),
    )
    .min(1)
    .max(64),
}

/** How clusters learn; without learning `memoryRows` is 0. */
const learningSchema = z.strictObject({
  /** A centre goes 1/rows of the way to each usual row, rows counted up to this. */
  memoryRows: z.number().int().nonnegative().max(1e9),
  /** A centre strays no further than so many of its trained spreads. */
  maxShift: z.number().nonnegative().max(100),
})

const networkSchema = z.strictObject({
  file: z.string(),
  inputs: z.number().int().positive().max(MAX_INPUTS),
  outputs: z.number().int().positive().max(MAX_INPUTS),
})

/** A network that gives its inputs back; what it cannot give back is unusual. */
const reconstructionSchema = z.strictObject({
  ...common,
  kind: z.literal('reconstruction'),
  network: networkSchema,
  output: z.strictObject({
    /** Output `i` is input `i` as reconstructed, scaled alike. */
    meaning: z.literal('reconstruction'),
    /** Score: mean over columns of `weight × (scaled - output)²`. */
    weights: weightsSchema,
    /** Root mean square of `scaled - output` in training, by column: the usual error. */
    usualErrors: errorsSchema.optional(),
  }),
})

/** A network that estimates some columns from all others; one that is far off its estimate is unusual. */
const regressionSchema = z.strictObject({
  ...common,
  kind: z.literal('regression'),
  network: networkSchema,
  output: z.strictObject({
    /** Output `i` is the column `estimates[i]`, scaled alike; the network takes the other columns in order. */
    meaning: z.literal('estimate'),
    estimates: z.array(z.string()).min(1).max(MAX_INPUTS),
    /** Score: the largest over those columns of `weight × (scaled - output)²`. */
    weights: weightsSchema,
    /** Root mean square of `scaled - output` in training, by estimate. */
    usualErrors: errorsSchema,
  }),
})

/** Clusters of what is usual, which go on learning on the vehicle; far from all of them is unusual. */
const clusteringSchema = z.strictObject({
  ...common,
  kind: z.literal('clustering'),
  clusters: z.strictObject({
    /** Centres, mean squared deviations by column, and rows, as little-endian float64. */
    file: z.string(),
    count: z.number().int().positive().max(MAX_CLUSTERS),
    inputs: z.number().int().positive().max(MAX_INPUTS),
  }),
  output: z.strictObject({
    /** Output is the nearest centre; score: root of the mean over columns of `(scaled - centre)² / square`. */
    meaning: z.literal('distance'),
  }),
  learning: learningSchema,
})

/** `manifest.json`. A new kind of model is one more member here. */
export const manifestSchema = z.discriminatedUnion('kind', [
  reconstructionSchema,
  regressionSchema,
  clusteringSchema,
])

export type Manifest = z.infer<typeof manifestSchema>
export type Trained = z.infer<typeof trainedSchema>
export type TrainingSource = z.infer<typeof sourceSchema>
export type Threshold = z.infer<typeof thresholdSchema>
export type AlarmSpec = z.infer<typeof alarmSchema>
export type GoldenRow = Manifest['golden']['rows'][number]
export { alarmSchema, learningSchema, sourceSchema }
