import type { Faults } from './faults.ts'
import { lag, type Random } from './random.ts'

/** Order of the wheels everywhere: front left, front right, rear left, rear right. */
export const WHEELS = 4
const KPA_PER_PSI = 6.894757
const ATMOSPHERE_KPA = 101.3
/** A slow puncture loses 1 psi an hour, the other 2 psi a minute. */
const SLOW_KPA_PER_SEC = KPA_PER_PSI / 3600
const FAST_KPA_PER_SEC = (2 * KPA_PER_PSI) / 60

/** Air in four tyres: a fixed volume, so pressure follows temperature and what has leaked. */
export class Tyres {
  /** Over atmosphere. */
  readonly pressureKpa = new Float64Array(WHEELS)
  /** °C. */
  readonly temp = new Float64Array(WHEELS)
  /** Wheels that a puncture and a worn bearing strike. */
  readonly punctured: number
  /** Pressure over atmosphere that the air now inside would have at 20 °C. */
  readonly #coldKpa = new Float64Array(WHEELS)
  readonly #ambient: number

  constructor(random: Random, ambient: number) {
    this.#ambient = ambient
    this.punctured = random.integer(0, WHEELS - 1)
    for (let i = 0; i < WHEELS; i++) {
      this.#coldKpa[i] = (i < 2 ? 230 : 220) + random.between(-5, 5)
      this.temp[i] = ambient
    }
    this.step(0, 0, 0, new NoFaults())
  }

  step(dt: number, speed: number, brakeBar: number, faults: Pick<Faults, 'rate'>): void {
    const leak =
      faults.rate('puncture') * FAST_KPA_PER_SEC + faults.rate('slow-puncture') * SLOW_KPA_PER_SEC
    const wheel = this.punctured
    this.#coldKpa[wheel] = Math.max(0, this.#coldKpa[wheel] - leak * dt)
    for (let i = 0; i < WHEELS; i++) {
      // Flexing heats; a soft tyre flexes more, front brakes give off more.
      const soft = 1 + Math.max(0, 200 - this.pressureKpa[i]) / 120
      const warm = this.#ambient + 0.75 * speed * soft + (i < 2 ? 0.12 : 0.06) * brakeBar
      this.temp[i] = lag(this.temp[i], warm, 420, dt)
      const kelvins = (this.temp[i] + 273.15) / 293.15
      const absolute = (this.#coldKpa[i] + ATMOSPHERE_KPA) * kelvins
      this.pressureKpa[i] = this.#coldKpa[i] > 0 ? Math.max(0, absolute - ATMOSPHERE_KPA) : 0
    }
  }
}

class NoFaults {
  rate(): number {
    return 0
  }
}
