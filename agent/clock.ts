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
