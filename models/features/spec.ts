import { z } from 'zod'

/** Limits of a feature row; beyond them a manifest is refused. */
export const MAX_INPUTS = 1024
export const MAX_WINDOW_ROWS = 3600
/** Cells of all windows of a row together, each of `CELL_BYTES`: 56 MiB for a vehicle. */
export const MAX_WINDOW_CELLS = 1 << 20

const ms = z
  .number()
  .int()
  .positive()
  .max(7 * 86_400_000)

/** What to do when a signal has no value for a row. */
export const missingSchema = z.discriminatedUnion('rule', [
  /** The value before it, if it is not older than this; else the row is skipped. */
  z.strictObject({ rule: z.literal('hold'), maxAgeMs: ms }),
  /** This value, in the signal's unit. */
  z.strictObject({ rule: z.literal('default'), value: z.number() }),
  /** No row. */
  z.strictObject({ rule: z.literal('skip') }),
])

/** One column of a feature row, before it has been fitted. */
export const inputSchema = z.strictObject({
  /** Name of the column, unique in the row; what contributors and CSV headers are called. */
  name: z.string().min(1).max(200),
  /** Name of the signal in the catalog. */
  signal: z.string().min(1).max(200),
  /** Unit the signal must have; empty is not checked. */
  unit: z.string().max(32),
  /**
   * What of the window's readings is taken; `change` is the mean of its newer half less that of its older
   * one.
   */
  aggregate: z.enum(['last', 'mean', 'min', 'max', 'change']),
  /**
   * How far back this input looks, a whole multiple of `sampleEveryMs`; left out, as far as the row. It is
   * missing while its readings (of a change: those of each half) are all of one half, unless it is `last`.
   */
  windowMs: ms.optional(),
  /**
   * Another signal in the same unit, by whose aggregate it is divided, both counted from `zero`, where
   * there is truly none of it (-101.3 of a pressure over atmosphere in kPa): warmth, which raises the
   * absolute pressure of an axle's two tyres by the same share, cancels.
   */
  over: z.strictObject({ signal: z.string().min(1).max(200), zero: z.number() }).optional(),
  missing: missingSchema,
})

/** How a raw value becomes an input of the network: `(raw - offset) * factor`. */
export const scalingSchema = z.strictObject({ offset: z.number(), factor: z.number().positive() })

/** A fitted column. */
export const fittedInputSchema = inputSchema.extend({
  scaling: scalingSchema,
  /** Smallest and largest raw value that it was fitted on. */
  range: z.strictObject({ min: z.number(), max: z.number() }),
})

const timing = {
  /** A row every so often, on whole multiples since the epoch. */
  sampleEveryMs: ms,
  /** How far back aggregates look: a whole multiple of `sampleEveryMs`. */
  windowMs: ms,
  /** How long a row waits for readings of slower buses. */
  graceMs: z.number().int().nonnegative().max(60_000),
  /** Scaled values are cut at plus and minus this. */
  clip: z.number().positive().max(1e6),
}

function consistent(spec: {
  sampleEveryMs: number
  windowMs: number
  inputs: { name: string; aggregate: string; windowMs?: number }[]
}): boolean {
  const fits = (windowMs: number, rows: number) =>
    windowMs % (spec.sampleEveryMs * rows) === 0 && windowMs / spec.sampleEveryMs <= MAX_WINDOW_ROWS
  return (
    fits(spec.windowMs, 1) &&
    spec.inputs.every(({ aggregate, windowMs = spec.windowMs }) =>
      fits(windowMs, aggregate === 'change' ? 2 : 1),
    ) &&
    new Set(spec.inputs.map(({ name }) => name)).size === spec.inputs.length
  )
}

function bounded(spec: Timed): boolean {
  return cellsOf(spec) <= MAX_WINDOW_CELLS
}

/** Whether each signal has one unit, wherever it is named; an empty one is not checked. */
function unitsAgree({
  inputs,
}: {
  inputs: Pick<InputSpec, 'signal' | 'unit' | 'over'>[]
}): boolean {
  const units = new Map<string, string>()
  return inputs.every(({ signal, over, unit }) =>
    [signal, over?.signal].every((name) => {
      if (name === undefined || unit === '') return true
      const known = units.get(name)
      units.set(name, unit)
      return known === undefined || known === unit
    }),
  )
}
const ONE_UNIT = 'a signal has the same unit in every input that names it, `over` included'
const CONSISTENT = `every windowMs is a multiple of sampleEveryMs (an even one for a change; at most ${MAX_WINDOW_ROWS} times), and names of inputs are unique`

const BOUNDED = `windows together hold at most ${MAX_WINDOW_CELLS} steps: take a longer sampleEveryMs, shorter windows, a shorter graceMs or fewer inputs`

/** Features as a recipe asks for them. */
export const featureSpecSchema = z
  .strictObject({ ...timing, inputs: z.array(inputSchema).min(1).max(MAX_INPUTS) })
  .refine(consistent, CONSISTENT)
  .refine(unitsAgree, ONE_UNIT)
  .refine(bounded, BOUNDED)

/** Features as a bundle holds them, with their scaling: the only place where scaling is kept. */
export const fittedFeaturesSchema = z
  .strictObject({ ...timing, inputs: z.array(fittedInputSchema).min(1).max(MAX_INPUTS) })
  .refine(consistent, CONSISTENT)
  .refine(unitsAgree, ONE_UNIT)
  .refine(bounded, BOUNDED)

export type Missing = z.infer<typeof missingSchema>
export type InputSpec = z.infer<typeof inputSchema>
export type FittedInput = z.infer<typeof fittedInputSchema>
export type FittedFeatures = z.infer<typeof fittedFeaturesSchema>
/** Features fitted or not yet: without scaling, scaled values are the raw ones. */
export type FeatureSpec = Omit<FittedFeatures, 'inputs'> & {
  inputs: (InputSpec & Partial<FittedInput>)[]
}

interface Timed {
  readonly sampleEveryMs: number
  readonly windowMs: number
  readonly graceMs: number
  readonly inputs: readonly InputSpec[]
}

/** Steps that may be open at once while a row waits for readings of slow buses. */
export function openSteps({ graceMs, sampleEveryMs }: Timed): number {
  return Math.ceil(graceMs / sampleEveryMs) + 1
}

/** Steps kept of each signal, in order of `signalsOf`: those of its longest window, and the open ones. */
export function keptSteps(spec: Timed): Int32Array {
  const places = new Map(signalsOf(spec).map(({ name }, i) => [name, i]))
  const kept = new Int32Array(places.size)
  for (const { signal, over, windowMs = spec.windowMs } of spec.inputs) {
    for (const name of [signal, over?.signal]) {
      const place = name === undefined ? undefined : places.get(name)
      if (place === undefined) continue
      kept[place] = Math.max(kept[place], windowMs / spec.sampleEveryMs + openSteps(spec))
    }
  }
  return kept
}

/** Cells of the windows of one vehicle. */
export function cellsOf(spec: Timed): number {
  return keptSteps(spec).reduce((sum, steps) => sum + steps, 0)
}

/** How far back a row may look: after a longer silence nothing of before it is in a row. */
export function lookBackMs({ windowMs, graceMs, inputs }: Timed): number {
  const each = inputs.flatMap((one) => [
    one.windowMs ?? windowMs,
    one.missing.rule === 'hold' ? one.missing.maxAgeMs : 0,
  ])
  return Math.max(...each) + graceMs
}

/** What a column's values are in: a ratio has no unit. */
export function unitOf({ unit, over }: Pick<InputSpec, 'unit' | 'over'>): string {
  return over ? '' : unit
}

/** The signals that inputs are made of, each once, with the unit that it must have. */
export function signalsOf({
  inputs,
}: {
  inputs: readonly InputSpec[]
}): { name: string; unit: string }[] {
  const found = new Map<string, string>()
  for (const { signal, over, unit } of inputs) {
    for (const name of [signal, over?.signal]) {
      if (name !== undefined && !found.get(name)) found.set(name, unit)
    }
  }
  return [...found].map(([name, unit]) => ({ name, unit }))
}

/** An input whose signal was never read. */
export interface UnheardInput {
  readonly input: string
  readonly signal: string
}

/**
 * The inputs that have nothing to be made of, whatever their rule for a missing value.
 * @param heard not 0 for each signal that was read, in order of `signalsOf`
 */
export function unheardOf(spec: FeatureSpec, heard: ArrayLike<number>): UnheardInput[] {
  const silent = new Set(signalsOf(spec).flatMap(({ name }, i) => (heard[i] ? [] : [name])))
  return spec.inputs.flatMap(({ name: input, signal, over }) => {
    const missing = [signal, over?.signal].find((one) => one !== undefined && silent.has(one))
    return missing === undefined ? [] : [{ input, signal: missing }]
  })
}
