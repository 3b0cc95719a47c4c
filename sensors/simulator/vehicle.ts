import { Battery } from './battery.ts'
import { Driver, type Profile } from './driver.ts'
import { type FaultPlan, Faults } from './faults.ts'
import { Powertrain } from './powertrain.ts'
import { Random } from './random.ts'
import { Ride } from './ride.ts'
import { Thermal } from './thermal.ts'
import { Tyres } from './tyres.ts'

/** Physics goes on by this; nothing in the simulator depends on a real clock. */
export const STEP_US = 10_000
const STEP_SEC = STEP_US / 1e6
const TANK_G = 50 * 745

export interface VehicleOptions {
  readonly seed: number
  readonly profile?: Profile
  readonly faults?: readonly FaultPlan[]
}

/** The simulated vehicle. The same options give the same life, step by step. */
export class Vehicle {
  /** Simulated time. */
  timeUs = 0
  readonly faults: Faults
  readonly engine: Powertrain
  readonly thermal: Thermal
  readonly tyres: Tyres
  readonly battery: Battery
  readonly ride: Ride
  /** Sensors are not perfect; apart from the physics, so that reading more often changes nothing. */
  readonly noise: Random
  readonly startKm: number
  tripKm = 0
  /** 0 to 1. */
  fuel: number
  readonly firmware = 2041
  readonly #driver: Driver

  constructor(options: VehicleOptions) {
    const { seed, profile = 'mixed', faults = [] } = options
    // A stream for each part: a fault in one leaves the chance in the others as it was.
    const state = new Random(seed, 'state')
    this.faults = new Faults(faults)
    this.engine = new Powertrain(new Random(seed, 'engine'))
    this.thermal = new Thermal(state)
    this.tyres = new Tyres(state, this.thermal.ambient)
    this.battery = new Battery(new Random(seed, 'battery'), this.thermal.ambient)
    this.ride = new Ride(new Random(seed, 'ride'))
    this.noise = new Random(seed, 'noise')
    this.startKm = state.between(5_000, 140_000)
    this.fuel = state.between(0.35, 0.95)
    this.#driver = new Driver(profile, new Random(seed, 'driver'))
  }

  step(): void {
    const { engine, thermal, faults } = this
    faults.step(STEP_SEC)
    this.#driver.step(STEP_SEC)
    engine.step(STEP_SEC, this.#driver.targetSpeed, this.ride.grade, faults)
    thermal.step(STEP_SEC, engine, faults)
    this.tyres.step(STEP_SEC, engine.speed, engine.brakeBar, faults)
    this.battery.step(STEP_SEC, engine.rpm, thermal.fan, thermal.intake + 5, faults)
    this.ride.step(STEP_SEC, engine, faults)
    this.tripKm += (engine.speed * STEP_SEC) / 1000
    this.fuel = Math.max(0.02, this.fuel - (engine.fuelRate * STEP_SEC) / TANK_G)
    this.timeUs += STEP_US
  }
}
