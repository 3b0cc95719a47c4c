import { join } from 'node:path'
import { PACKAGE_ROOT } from '../package-root.ts'
import type { VehiclePlan } from './vehicle.ts'

export const RECIPES = join(PACKAGE_ROOT, 'agent/demo/recipes')

/** Simulated time runs so many times faster than the clock, so that a minute shows a drive. */
const SPEED = 10

export const simulator = (seed: number, faults: object[] = []) => ({
  kind: 'simulator',
  seed,
  speed: SPEED,
  // Models and campaigns live in the drive's own time, which ends about now.
  timestamps: 'drive',
  startAgoSec: 600,
  faults,
})

/** The vehicle in which the fault is planted that the first model cannot see. */
export const PUNCTURED = 'truck-3'

/**
 * Vehicles of the demo. Two are healthy; in two a fault was planted, one of them in a recorded drive
 * that is replayed from its candump log.
 */
export const FLEET: readonly VehiclePlan[] = [
  { name: 'truck-1', sensor: simulator(11) },
  { name: 'truck-2', sensor: simulator(12) },
  {
    name: PUNCTURED,
    sensor: simulator(13, [{ kind: 'puncture', atSec: 240, rate: 20 }]),
    fault: 'puncture',
  },
  {
    name: 'truck-4',
    sensor: {
      kind: 'replay',
      file: join(PACKAGE_ROOT, 'sensors/simulator/drives/coolant.log.gz'),
      pace: SPEED,
    },
    fault: 'coolant',
    faultAtUs: 360_000_000,
  },
]
