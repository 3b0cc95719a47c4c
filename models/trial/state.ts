import { z } from 'zod'
import { ModelError } from '../errors.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const installed = z.strictObject({
  /** The bundle's hash; its folder is named by it. */
  hash: sha256,
  /** The release that brought it, for people: its path in the release repository. */
  release: z.string().max(300),
  /** sha256 of the release's file: how a release is known before its bundle was unpacked. */
  file: sha256,
})

const attempt = installed.extend({
  /** True from before the first load until a clean end: found at a start, it was a crash. */
  running: z.boolean(),
  /** Identity of the boot of the machine in which it ran last. */
  bootId: z.string(),
  /** Times that the process ended without a word while it ran … */
  crashes: z.number().int().nonnegative(),
  /** … and times that the machine went with it, which most often is a driver turning a key. */
  reboots: z.number().int().nonnegative(),
  /** What it has shown since the last crash, over clean stops: rows scored, and time. */
  rows: z.number().int().nonnegative(),
  ms: z.number().nonnegative(),
})

const barred = z.strictObject({
  file: sha256,
  /** Of the bundle; not there where the file held none. */
  hash: sha256.optional(),
  reason: z.string().max(500),
  timeUs: z.number(),
})

/** The bundles of one model on this vehicle. Without `current` the one that the config names runs. */
export const slotStateSchema = z.strictObject({
  /** Counts transitions: of two copies of the state, the higher is the newer. */
  serial: z.number().int().nonnegative(),
  current: installed.optional(),
  previous: installed.optional(),
  attempt: attempt.optional(),
  barred: z.array(barred),
})

export type Installed = z.infer<typeof installed>
export type SlotState = z.infer<typeof slotStateSchema>

/** Barred hashes that are remembered, the newest; a release repository forgets bad ones as well. */
export const MAX_BARRED = 64

/** How often an attempt may end without a word before it is barred. */
export interface CrashLimits {
  readonly maxCrashes: number
  readonly maxReboots: number
}

export const CRASH_LIMITS: CrashLimits = { maxCrashes: 3, maxReboots: 10 }

export const NO_STATE: SlotState = { serial: 0, barred: [] }

/** Begins an attempt. To be on the disk before its first load. */
export function begun(state: SlotState, next: Installed, bootId: string): SlotState {
  const why = state.barred.find(({ hash, file }) => hash === next.hash || file === next.file)
  if (why) {
    throw new ModelError('TRIAL_BARRED', `bundle ${short(next.hash)} is barred: ${why.reason}`, {
      hint: 'It failed on this vehicle before. Release a mended bundle; it will have another hash.',
    })
  }
  if (state.attempt && state.attempt.hash !== next.hash) {
    throw new ModelError('TRIAL_BUSY', `bundle ${short(state.attempt.hash)} is on trial`, {
      hint: 'One at a time: wait until it is marked good or taken back.',
    })
  }
  const counters = state.attempt ?? { crashes: 0, reboots: 0, rows: 0, ms: 0 }
  return { ...state, attempt: { ...counters, ...plain(next), running: true, bootId } }
}

/**
 * What a start makes of the state it finds: an attempt that never ended was a crash, and after too
 * many of them it is barred.
 */
export function woken(
  state: SlotState,
  bootId: string,
  limits: CrashLimits,
  nowUs: number,
): { state: SlotState; failed?: string } {
  const { attempt } = state
  if (!attempt?.running) return { state }
  const same = attempt.bootId === bootId
  const crashes = attempt.crashes + (same ? 1 : 0)
  const reboots = attempt.reboots + (same ? 0 : 1)
  // What it showed before a crash counts for nothing; a key that was turned is no fault of the model.
  const shown = same ? { rows: 0, ms: 0 } : { rows: attempt.rows, ms: attempt.ms }
  const now: SlotState = {
    ...state,
    attempt: { ...attempt, ...shown, crashes, reboots, running: false },
  }
  if (crashes < limits.maxCrashes && reboots < limits.maxReboots) return { state: now }
  const failed = `the agent ended without a word ${crashes + reboots} times while it ran`
  return { state: takenBack(now, failed, nowUs), failed }
}

/** A clean stop in mid-trial: it goes on with the next start from what it had shown. */
export function paused(state: SlotState, shown: { rows: number; ms: number }): SlotState {
  const { attempt } = state
  return attempt ? { ...state, attempt: { ...attempt, ...shown, running: false } } : state
}

/** The attempt has proved itself. */
export function markedGood(state: SlotState): SlotState {
  const { attempt, current, barred, serial } = state
  if (!attempt) return state
  return { serial, barred, current: plain(attempt), ...(current ? { previous: current } : {}) }
}

/** The attempt failed: what ran before runs again, and this hash never. */
export function takenBack(state: SlotState, reason: string, timeUs: number): SlotState {
  const { attempt, ...rest } = state
  if (!attempt) return state
  return withBarred(rest, { ...attempt, reason, timeUs })
}

/** Remembers a release that this vehicle will not try again. */
export function withBarred(
  state: SlotState,
  { file, hash, reason, timeUs }: { file: string; hash?: string; reason: string; timeUs: number },
): SlotState {
  const others = state.barred.filter((one) => one.file !== file)
  const entry = { file, ...(hash ? { hash } : {}), reason: reason.slice(0, 500), timeUs }
  return { ...state, barred: [...others, entry].slice(-MAX_BARRED) }
}

/** The attempt ends without a verdict: nothing is held against the bundle. */
export function givenUp({ attempt: _, ...rest }: SlotState): SlotState {
  return rest
}

/** The current bundle can no longer be read: the one before it, or the config's, takes its place. */
export function fallen({ current: _, previous, ...rest }: SlotState): SlotState {
  return { ...rest, ...(previous ? { current: previous } : {}) }
}

export function short(hash: string): string {
  return hash.slice(0, 12)
}

export function plain({ hash, release, file }: Installed): Installed {
  return { hash, release, file }
}
