import type { Faults } from './faults.ts'
import type { Powertrain } from './powertrain.ts'
import { clamp, lag, type Random, Wander } from './random.ts'
import { WHEELS } from './tyres.ts'

/** Largest vibration of a bearing before it would fall apart, g. */
const MAX_BEARING_G = 6
const WHEEL_CIRCUMFERENCE_M = 1.948
/** Defects of the outer ring strike so often in one turn of the wheel. */
const STRIKES_PER_TURN = 4.7
const BANDS = 4

/** What shakes and pulls: vibration in g (root mean square), accelerations in m/s². */
export class Ride {
  engineG = 0.03
  roadG = 0
  bearingG = 0
  totalG = 0.03
  peakHz = 27
  crest = 3
  readonly bandG = new Float64Array(BANDS)
  lateral = 0
  vertical = 0
  /** °/s. */
  yawRate = 0
  /** Rise over run. */
  grade = 0
  readonly cornerVertical = new Float64Array(WHEELS)
  /** Vehicle speed at each wheel, m/s. */
  readonly wheelSpeed = new Float64Array(WHEELS)
  readonly worn: number
  readonly #random: Random
  readonly #roughness: Wander
  readonly #curve: Wander
  readonly #hill: Wander

  constructor(random: Random) {
    this.#random = random
    this.worn = random.integer(0, WHEELS - 1)
    this.#roughness = new Wander(random, 0.35, 20)
    this.#curve = new Wander(random, 1.1, 5)
    this.#hill = new Wander(random, 0.018, 25)
  }

  step(dt: number, engine: Powertrain, faults: Faults): void {
    const { speed, rpm } = engine
    const moving = Math.min(1, speed / 8)
    this.grade = lag(this.grade, clamp(this.#hill.step(dt), -0.06, 0.06) * moving, 4, dt)
    this.lateral = lag(this.lateral, clamp(this.#curve.step(dt), -3.5, 3.5) * moving, 1, dt)
    this.yawRate = speed > 1 ? (this.lateral / speed) * 57.29578 : 0

    const rough = Math.exp(this.#roughness.step(dt))
    this.roadG = 0.0035 * speed * rough
    this.engineG = 0.025 + 0.16 * (rpm / 6000) ** 1.5 + 0.05 * engine.load + 0.25 * engine.roughness
    this.bearingG = this.#bearing(speed, faults)
    this.totalG = Math.hypot(this.roadG, this.engineG, this.bearingG)
    this.#spectrum(speed, rpm)

    this.vertical = this.roadG * 4 * this.#random.normal()
    for (let i = 0; i < WHEELS; i++) {
      const bearing = i === this.worn ? this.bearingG * 6 : 0
      this.cornerVertical[i] = (this.roadG * 7 + bearing + 0.05) * this.#random.normal()
      const inner = i % 2 === 0 ? -0.75 : 0.75
      this.wheelSpeed[i] = Math.max(0, speed + (this.yawRate / 57.29578) * inner)
    }
  }

  /** Grows from nothing, 0.12 g in a minute and ever faster; only heard while the wheel turns. */
  #bearing(speed: number, faults: Faults): number {
    const doublings = Math.min(20, faults.grownSec('bearing') / 60)
    const grown = Math.min(MAX_BEARING_G, 0.12 * (2 ** doublings - 1))
    return grown * Math.min(1.3, speed / 20)
  }

  /** Four bands: body, engine order, wheel bearing, and the hiss above. */
  #spectrum(speed: number, rpm: number): void {
    const firing = rpm / 30
    const strikes = (speed / WHEEL_CIRCUMFERENCE_M) * STRIKES_PER_TURN
    this.bandG[0] = this.roadG * 0.9
    this.bandG[1] = Math.hypot(this.engineG * 0.95, this.roadG * 0.2)
    this.bandG[2] = Math.hypot(this.bearingG * 0.9, this.roadG * 0.25)
    this.bandG[3] = Math.hypot(this.bearingG * 0.4, this.engineG * 0.25)
    this.peakHz = this.bearingG > this.engineG ? strikes : this.roadG > this.engineG ? 12 : firing
    this.crest = 3 + 4 * (this.bearingG / (this.totalG + 0.01))
  }
}
