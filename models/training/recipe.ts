import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { canonicalJson, sha256Of } from '../bundle/canonical.ts'
import { alarmSchema, learningSchema, MAX_CLUSTERS } from '../bundle/manifest.ts'
import { ModelError } from '../errors.ts'
import { featureSpecSchema, inputSchema, missingSchema } from '../features/spec.ts'
import { ACTIVATIONS } from '../runtime.ts'

const input = inputSchema.partial({ signal: true, unit: true, aggregate: true, missing: true })

/** Features, with what inputs have in common said once. */
const features = z
  .strictObject({
    sampleEveryMs: z.number(),
    windowMs: z.number().optional(),
    graceMs: z.number().default(200),
    clip: z.number().default(100),
    missing: missingSchema.default({ rule: 'skip' }),
    inputs: z.array(input).min(1),
  })
  .transform(({ missing, windowMs, ...rest }) => ({
    ...rest,
    windowMs: windowMs ?? rest.sampleEveryMs,
    inputs: rest.inputs.map((one) => ({
      name: one.name,
      signal: one.signal ?? one.name,
      unit: one.unit ?? '',
      aggregate: one.aggregate ?? ('last' as const),
      ...(one.windowMs === undefined ? {} : { windowMs: one.windowMs }),
      ...(one.over === undefined ? {} : { over: one.over }),
      missing: one.missing ?? missing,
    })),
  }))
  .pipe(featureSpecSchema)

const bound = {
  below: z.number().optional(),
  above: z.number().optional(),
  atLeast: z.number().optional(),
  equals: z.number().optional(),
}
const condition = z.union([
  z.strictObject({ input: z.string(), ...bound }),
  /** First input divided by the second. */
  z.strictObject({ ratio: z.tuple([z.string(), z.string()]), ...bound }),
])

const common = {
  name: z.string(),
  description: z.string().default(''),
  seed: z.number().int().nonnegative(),
  features,
  /**
   * Smallest deviation that counts, by input, in its unit: of a column that hardly moves while all is
   * well, the noise must not be learned as if it meant something.
   */
  floors: z.record(z.string(), z.number().positive()).default({}),
  /** Only vehicles whose whole name matches are used. */
  vehicles: z.strictObject({ include: z.string() }).optional(),
  /** Rows of failed vehicles, from which nothing is to be learned. */
  failed: z
    .strictObject({
      any: z.array(condition).min(1),
      /** A vehicle that failed once has failed for good. */
      stays: z.boolean().default(true),
    })
    .optional(),
  split: z
    .strictObject({
      heldOutShare: z.number().gt(0).lt(1).default(0.25),
      /** Rows held out at most; left out, as many as are trained on. */
      maxRows: z.number().int().positive().max(5_000_000).optional(),
    })
    .default({ heldOutShare: 0.25 }),
  training: z
    .strictObject({ maxRows: z.number().int().positive().max(5_000_000).default(200_000) })
    .default({ maxRows: 200_000 }),
  threshold: z.strictObject({ alarms: z.number().positive(), hours: z.number().positive() }),
  alarm: alarmSchema,
  limits: z
    .strictObject({ latencyUs: z.number().positive(), memoryBytes: z.number().int().positive() })
    .default({ latencyUs: 2000, memoryBytes: 1 << 20 }),
  /** How to read a CSV file: the column that names the vehicle, and the one with the time. */
  csv: z
    .strictObject({
      vehicle: z.string().optional(),
      time: z.strictObject({ column: z.string(), unit: z.enum(['s', 'ms', 'us']) }).optional(),
    })
    .default({}),
  /** Simulated drives without faults to train on, instead of a file. */
  simulation: z
    .strictObject({
      firstSeed: z.number().int().nonnegative(),
      vehicles: z.number().int().positive().max(10_000),
      /** Seconds of simulated time. */
      secondsEach: z.number().int().positive().max(86_400),
      /** Simulated seconds in a second; each vehicle drives once at each. */
      speeds: z.array(z.number().positive().max(1000)).min(1).max(8).default([1]),
      /** Vehicles take turns. */
      profiles: z.array(z.string()).min(1).default(['mixed']),
    })
    .optional(),
  /** Where data in files comes from. */
  dataset: z.strictObject({ name: z.string(), licence: z.string() }).optional(),
}

/** A dense network, and how it is trained. */
const network = {
  network: z.strictObject({
    hidden: z.array(z.number().int().positive().max(4096)).min(1).max(16),
    activation: z.enum(ACTIVATIONS).default('tanh'),
    output: z.enum(ACTIVATIONS).default('linear'),
  }),
  training: z.strictObject({
    epochs: z.number().int().positive().max(10_000),
    batchRows: z.number().int().positive().max(65_536),
    learningRate: z.number().positive(),
    /** Rows kept for training and for the threshold, each; a fair sample beyond it. */
    maxRows: z.number().int().positive().max(5_000_000).default(200_000),
  }),
}

const reconstruction = z.strictObject({
  ...common,
  ...network,
  kind: z.literal('reconstruction'),
  /** `equal`, or `residual`: a column counts by how well it can be given back. */
  weights: z.enum(['equal', 'residual']).default('residual'),
})

const regression = z.strictObject({
  ...common,
  ...network,
  kind: z.literal('regression'),
  /** The inputs that are estimated from all others. */
  estimates: z.array(z.string()).min(1),
})

const clustering = z.strictObject({
  ...common,
  kind: z.literal('clustering'),
  clusters: z.strictObject({
    count: z.number().int().positive().max(MAX_CLUSTERS),
    /** At most so many times all rows are sorted anew; it ends where none of them moves. */
    epochs: z.number().int().positive().max(1000).default(50),
  }),
  /** How they go on learning on the vehicle. */
  learning: learningSchema.default({ memoryRows: 100_000, maxShift: 1 }),
})

const recipeSchema = z.discriminatedUnion('kind', [reconstruction, regression, clustering])

/** A checked recipe, and the sha256 of what was written in it, whatever its spelling and comments. */
export type Recipe = z.infer<typeof recipeSchema> & {
  readonly sha256: string
  readonly content: Record<string, unknown>
}
export type ReconstructionRecipe = Extract<Recipe, { kind: 'reconstruction' }>
export type RegressionRecipe = Extract<Recipe, { kind: 'regression' }>
export type ClusteringRecipe = Extract<Recipe, { kind: 'clustering' }>
export type FailedCondition = z.infer<typeof condition>

/** @throws ModelError `TRAINING_RECIPE` with file, path and reason */
export function parseRecipe(text: string, file = 'recipe'): Recipe {
  let json: unknown
  try {
    json = parse(text)
  } catch (cause) {
    throw refusal(file, (cause as Error).message, cause)
  }
  return recipeOf(json, file)
}

function refusal(file: string, message: string, cause?: unknown): ModelError {
  return new ModelError('TRAINING_RECIPE', `${file}: ${message}`, {
    cause,
    hint: 'models/README.md lists what a recipe holds; models/training/recipes has some.',
  })
}

/** A recipe that has been read already, as a bundle keeps it. @throws ModelError `TRAINING_RECIPE` */
export function recipeOf(json: unknown, file = 'recipe'): Recipe {
  const refuse = (message: string, cause?: unknown): never => {
    throw refusal(file, message, cause)
  }
  const parsed = recipeSchema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return refuse(`${issue.path.join('.') || '(top)'}: ${issue.message}`)
  }
  const content = json as Record<string, unknown>
  const recipe = { ...parsed.data, sha256: sha256Of(canonicalJson(json)), content }
  const names = new Set(recipe.features.inputs.map(({ name }) => name))
  for (const one of recipe.failed?.any ?? []) {
    for (const name of 'ratio' in one ? one.ratio : [one.input]) {
      if (!names.has(name)) refuse(`failed.any: ${name} is not among the inputs`)
    }
  }
  const floorless = Object.keys(recipe.floors).find((name) => !names.has(name))
  if (floorless !== undefined) refuse(`floors: ${floorless} is not among the inputs`)
  if (recipe.kind === 'regression') {
    const wanted = new Set(recipe.estimates)
    const stray = recipe.estimates.find((name) => !names.has(name))
    if (stray !== undefined) refuse(`estimates: ${stray} is not among the inputs`)
    if (wanted.size < recipe.estimates.length) refuse('estimates: an input is named twice')
    if (wanted.size === names.size) refuse('estimates: no input is left to estimate them from')
  }
  try {
    if (recipe.vehicles) new RegExp(recipe.vehicles.include)
  } catch (cause) {
    refuse(`vehicles.include: ${(cause as Error).message}`, cause)
  }
  return recipe
}

export function readRecipe(file: string): Recipe {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ModelError('TRAINING_RECIPE', `cannot read ${file}`, {
      cause,
      hint: 'Give the path of a recipe, for instance models/training/recipes/car-sensor.yaml.',
    })
  }
  return parseRecipe(text, file)
}
