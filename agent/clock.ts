import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../sensors/sensor.ts'
import type { ClockState } from '../sync/record.ts'

/** A wall clock before this instant has not been set since the gateway lost power. */
const FIRST_PLAUSIBLE_US = Date.UTC(2024, 0, 1) * 1000

/** The machine's own clocks. */
export const systemClock: Clock = {
  nowUs: () => Date.now() * 1000,
  monoUs: () => Number(process.hrtime.bigint() / 1000n),
}

/** Whether a wall time can be believed. Only the year is judged here. */
export function clockState(wallUs: number): ClockState {
  return wallUs >= FIRST_PLAUSIBLE_US ? 'synced' : 'unsynced'
}

/** A record this much older than now may still be live: a window, or what a device held back. */
const MAX_LIVE_AGE_US = 3_600_000_000

/**
 * Monotonic time and clock state of a record. The state is the clock's own: a replayed log of 2009 on
 * a good clock is `synced`. A record's monotonic time is that of its wall time where it can be live,
 * otherwise that of now.
 */
export function stampsOf(clock: Clock, timeUs: number): { monoUs: number; clock: ClockState } {
  const nowUs = clock.nowUs()
  const monoUs = clock.monoUs()
  const ageUs = nowUs - timeUs
  const live = ageUs >= 0 && ageUs <= MAX_LIVE_AGE_US
  return {
    monoUs: live ? Math.max(0, Math.round(monoUs - ageUs)) : monoUs,
    clock: clockState(nowUs),
  }
}

/**
 * Identity of this boot of the machine, so that monotonic times can be compared. Linux gives one
 * (random(4), /proc/sys/kernel/random/boot_id); elsewhere each start of the agent is a boot.
 */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return randomUUID()
  }
}
