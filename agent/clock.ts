import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../sensors/sensor.ts'

/** The machine's own clocks. */
export const systemClock: Clock = {
  nowUs: () => Date.now() * 1000,
  monoUs: () => Number(process.hrtime.bigint() / 1000n),
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
