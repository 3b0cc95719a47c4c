// What a bench or a long run came to, as it is kept in ../recorded: one file for each, so that two who
// measure different things never write the same file.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const RECORDED_DIR = join(import.meta.dirname, '../recorded')

/** JSON has no NaN and no infinity: a figure that was not found is null. */
const figure = z.number().nullable()

/** A `BenchRow`, read back. */
const rowSchema = z.strictObject({
  name: z.string().min(1),
  unit: z.string(),
  ours: figure,
  peer: z.string(),
  theirs: figure,
  ratio: figure,
})

const machineSchema = z.strictObject({
  cpus: z.int().positive(),
  model: z.string(),
  memoryMiB: z.int().positive(),
  os: z.string(),
  arch: z.string(),
  node: z.string(),
  /** Mean number of runnable processes in the minute before the run: near 0 on a quiet machine. */
  loadBefore: z.number().nonnegative(),
})

export const recordedSchema = z.strictObject({
  name: z.string().min(1),
  /** As typed in a checkout, variables of the environment that change it before it. */
  command: z.string().min(1),
  /** Day of the run, UTC. */
  date: z.iso.date(),
  /** Of the checkout; with `+` behind it where files were changed since. */
  commit: z.string(),
  /** How long it took. */
  seconds: z.number().nonnegative(),
  machine: machineSchema,
  rows: z.array(rowSchema).min(1),
})

export type Recorded = z.infer<typeof recordedSchema>
export type Machine = Recorded['machine']
export type RecordedRow = Recorded['rows'][number]

/** All that is recorded, by name. */
export function readRecorded(dir = RECORDED_DIR): Recorded[] {
  if (!existsSync(dir)) return []
  return readdirSync(dir)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => recordedSchema.parse(JSON.parse(readFileSync(join(dir, file), 'utf8'))))
}

/** Writes one, over what was recorded under its name. */
export function writeRecorded(recorded: Recorded, dir = RECORDED_DIR): void {
  const file = join(dir, `${recorded.name}.json`)
  const sound = recordedSchema.parse(JSON.parse(JSON.stringify(recorded)))
  writeFileSync(file, `${JSON.stringify(sound, null, 2)}\n`)
}
