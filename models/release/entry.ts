import { z } from 'zod'
import { ReleaseError } from './errors.ts'

/** Signed as text: the canonical JSON that TUF signs knows whole numbers only. */
const percent = z.codec(z.string().regex(/^\d{1,3}(\.\d{1,2})?$/), z.number().min(0).max(100), {
  decode: Number,
  encode: (value) => String(Math.round(value * 100) / 100),
})
const hash = z.string().regex(/^[0-9a-f]{64}$/)

const stageSchema = z.object({
  name: z.string().min(1).max(64),
  /** Share of the fleet that has the candidate once this stage is on. */
  percent,
})

const releaseRefSchema = z.object({
  path: z.string().max(256),
  version: z.string().max(64),
  length: z.int().min(0),
  sha256: hash,
})

/** A rollout has at most so many stages. */
export const MAX_STAGES = 20

/**
 * What the online key signs of one kind and name: `custom` of the target `rollout/<kind>/<name>`,
 * whose length and hash are the candidate's. It only points at releases; `models` says what those are.
 */
const entrySchema = z.object({
  format: z.literal(1),
  candidate: releaseRefSchema,
  /** What those run whose turn has not come, or whose candidate was taken back; nothing where absent. */
  base: releaseRefSchema.optional(),
  seed: z.string().min(1).max(128),
  state: z.enum(['running', 'paused', 'aborted', 'done']),
  /** Name of the stage that is on. */
  stage: z.string().min(1).max(64),
  /** Share that has the candidate now; 0 where it was taken back. */
  percent,
  stages: z.array(stageSchema).max(MAX_STAGES),
  /** Why it stands as it does, for people. */
  note: z.string().max(500).optional(),
})

export type RolloutEntry = z.infer<typeof entrySchema>
export type RolloutStage = z.infer<typeof stageSchema>
export type ReleaseRef = z.infer<typeof releaseRefSchema>

/** An entry as it is signed. @throws ReleaseError `RELEASE_INPUT` */
export function encodeEntry(entry: RolloutEntry): Record<string, unknown> {
  const { data, error } = z.safeEncode(entrySchema, entry)
  // What is not there is no field, not an empty one.
  if (data) return JSON.parse(JSON.stringify(data))
  const [issue] = error.issues
  throw new ReleaseError('RELEASE_INPUT', `${issue.path.join('.')}: ${issue.message}`)
}

/** @throws ReleaseError `RELEASE_METADATA` */
export function parseEntry(path: string, custom: unknown): RolloutEntry {
  const { data, error } = entrySchema.safeParse(custom)
  if (data) return data
  const [issue] = error.issues
  throw new ReleaseError(
    'RELEASE_METADATA',
    `${path}: ${issue.path.join('.') || 'entry'}: ${issue.message}`,
    { hint: 'It was written by another version of milepost, or by hand. Update this one.' },
  )
}
