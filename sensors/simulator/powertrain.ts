import { ACCELERATING, BRAKING, CRUISING, STOPPED } from './driver.ts'
import type { Faults } from './faults.ts'
import { clamp, lag, type Random } from './random.ts'

/** A mid-size car with a 1.6 l petrol engine and six gears. SI units. */
const MASS_KG = 1480
const WHEEL_RADIUS_M = 0.31
const GEARS = [3.6, 2.1, 1.43, 1.08, 0.86, 0.72]
const FINAL_DRIVE = 3.9
const EFFICIENCY = 0.92
/** Half the air's density times drag coefficient and front area. */
const DRAG = 0.39
const ROLLING_N = 0.011 * MASS_KG * 9.81
const IDLE_RPM = 800
const MAX_RPM = 6200
/** What idling and the accessories take. */
const IDLE_NM = 16
const MIN_SHIFT_SEC = 0.8
const DISPLACEMENT_L = 1.6
const AIR_G_PER_L = 1.18
const AIR_FUEL_RATIO = 14.7

/** Engine, gearbox, brakes and the motion that comes of them. */
export class Powertrain {
  rpm = IDLE_RPM
  /** 1 to 6. */
  gear = 1
  /** 0 to 1. */
  throttle = 0
  /** Share of the torque that the engine could give now, 0 to 1. */
  load = 0.12
  torqueNm = 0
  /** m/s, never negative. */
  speed = 0
  acceleration = 0
  brakeBar = 0
  driving = STOPPED
  /** Grams per second. */
  airFlow = 2
  fuelRate = 0.15
  manifoldKpa = 35
  misfires = 0
  readonly #random: Random
  #sinceShiftSec = 0
  #firings = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** `targetSpeed` in m/s, `grade` as rise over run. */
  step(dt: number, targetSpeed: number, grade: number, faults: Faults): void {
    const missing = this.#misfire(dt, faults)
    const resisting = this.speed > 0 ? DRAG * this.speed * this.speed + ROLLING_N : 0
    const climbing = MASS_KG * 9.81 * grade * Math.min(1, this.speed / 2)
    const wished = clamp((targetSpeed - this.speed) * 0.45, -2.8, 1.9 - this.speed * 0.025)
    const force = MASS_KG * wished + resisting + climbing
    const ratio = (GEARS[this.gear - 1] * FINAL_DRIVE * EFFICIENCY) / WHEEL_RADIUS_M
    const most = maxTorque(this.rpm)

    const halted = targetSpeed < 0.05 && this.speed < 0.3
    const wanted = halted ? 0 : clamp(force / ratio / most, 0, 1)
    this.throttle = lag(this.throttle, wanted, 0.25, dt)
    this.torqueNm =
      this.throttle * most * (1 - missing) - (this.throttle < 0.02 && this.speed > 1 ? 12 : 0)
    const driveForce = this.torqueNm * ratio
    const braking = halted ? MASS_KG : Math.max(0, driveForce - force) * (wished < -0.3 ? 1 : 0)
    this.brakeBar = lag(this.brakeBar, braking / (MASS_KG * 0.08), 0.12, dt)

    const before = this.speed
    const net = driveForce - resisting - climbing - this.brakeBar * MASS_KG * 0.08
    this.speed = halted && this.speed < 0.05 ? 0 : Math.max(0, before + (net / MASS_KG) * dt)
    this.acceleration = (this.speed - before) / dt
    this.#shift(dt)
    this.#turn(dt)
    this.#breathe(dt, most)
    this.driving = this.#state(wished)
  }

  #shift(dt: number): void {
    this.#sinceShiftSec += dt
    if (this.#sinceShiftSec < MIN_SHIFT_SEC) return
    const up = 1900 + 2800 * this.throttle
    const down = 1100 + 900 * this.throttle
    if (this.rpm > up && this.gear < GEARS.length && this.speed > 2) this.gear++
    else if (this.rpm < down && this.gear > 1) this.gear--
    else return
    this.#sinceShiftSec = 0
  }

  /** The wheels turn the engine, but for a converter that slips at low speed. */
  #turn(dt: number): void {
    const wheels = ((this.speed * GEARS[this.gear - 1] * FINAL_DRIVE) / WHEEL_RADIUS_M) * 9.5493
    const slip = this.throttle * 700 * Math.max(0, 1 - this.speed / 8)
    const rough = this.#random.normal() * (6 + 60 * this.#roughness)
    const target = clamp(Math.max(IDLE_RPM, wheels) + slip + rough, 500, MAX_RPM)
    this.rpm = lag(this.rpm, target, 0.12, dt)
  }

  #breathe(dt: number, most: number): void {
    this.load = lag(this.load, clamp((Math.max(0, this.torqueNm) + IDLE_NM) / most, 0, 1), 0.1, dt)
    this.manifoldKpa = 28 + 72 * this.load
    const litres = ((this.rpm / 120) * DISPLACEMENT_L * 0.85 * this.manifoldKpa) / 101.3
    this.airFlow = litres * AIR_G_PER_L
    // No fuel is given while the car pushes the engine.
    const pushed = this.throttle < 0.02 && this.speed > 5
    this.fuelRate = pushed ? 0 : this.airFlow / AIR_FUEL_RATIO
  }

  /** Rolls the dice for each firing of the engine; returns the share of torque lost. */
  #misfire(dt: number, faults: Faults): number {
    const rate = faults.rate('misfire')
    if (rate === 0) {
      this.#roughness = 0
      return 0
    }
    const chance = Math.min(0.25, 0.04 * rate + faults.grownSec('misfire') / 2400)
    this.#roughness = chance * 4
    this.#firings += (this.rpm / 30) * dt
    for (; this.#firings >= 1; this.#firings--) if (this.#random.next() < chance) this.misfires++
    return chance
  }

  /** 0 where the engine runs evenly, towards 1 where it misfires. */
  get roughness(): number {
    return this.#roughness
  }

  #roughness = 0

  #state(wished: number): number {
    if (this.speed === 0) return STOPPED
    if (wished > 0.25) return ACCELERATING
    return wished < -0.25 ? BRAKING : CRUISING
  }
}

function maxTorque(rpm: number): number {
  const off = (rpm - 3500) / 4500
  return 205 * (1 - off * off)
}
