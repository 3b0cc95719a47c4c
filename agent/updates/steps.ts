import type { Release } from '../../models/release/release.ts'

/** Type of the record that tells of each step of an update, on `critical`. */
export const UPDATE_TYPE = 'milepost.update.v1'

/**
 * How far an update has come. `attempt`: written down, about to be loaded for the first time.
 * `trial`: at work. `good`, `back`: what the trial came to; a bundle that went back is barred here.
 * `stored`: a campaign or DBC file, applied with the next start. `applied`: it is in use.
 * `skipped`: not for this vehicle. `refused`: not what was promised, barred. `failed`: not the
 * release's fault, tried again. `check`: the repository itself was refused.
 */
const PHASES = [
  'check',
  'download',
  'attempt',
  'trial',
  'good',
  'back',
  'stored',
  'applied',
  'skipped',
  'refused',
  'failed',
] as const
export type Phase = (typeof PHASES)[number]

/** What a record of type `UPDATE_TYPE` holds. */
export interface UpdateStep {
  readonly phase: Phase
  readonly timeUs: number
  /** Path of the release in its repository, its file's sha256, and what it is. */
  readonly release?: string
  readonly file?: string
  readonly kind?: string
  readonly name?: string
  readonly version?: string
  /** Where the vehicle stood in the rollout. */
  readonly stage?: string
  readonly candidate?: boolean
  /** Hash of the bundle, once it is known. */
  readonly hash?: string
  /** Why, for `back`, `skipped`, `refused`, `failed` and `check`. */
  readonly code?: string
  readonly reason?: string
  /** The repository that it came from. */
  readonly from?: string
}

export type Tell = (step: Omit<UpdateStep, 'timeUs'>) => void

/** What a step says of its release. */
export function about(release: Release): Omit<UpdateStep, 'phase' | 'timeUs'> {
  const { path, sha256, kind, name, version, rollout } = release
  const { stage, candidate } = rollout
  return { release: path, file: sha256, kind, name, version, stage, candidate }
}
