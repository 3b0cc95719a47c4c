import { systemClock } from '../clock.ts'
import { kernelSynced } from './adjtimex.ts'
import type { KeptClock } from './clock-trust.ts'

/** The machine's own clocks, and the kernel's word on who keeps them. */
export const machineClock: KeptClock = { ...systemClock, kept: kernelSynced }
