import type { Faults } from './faults.ts'
import { clamp, lag, type Random } from './random.ts'

const CAPACITY_AH = 60
const REGULATED_V = 14.3
const ALTERNATOR_MAX_A = 110

/** A 12 V lead battery, the alternator that keeps it, and what the car draws. */
export class Battery {
  voltage = 14.1
  /** Ampere into the battery; negative while it gives. */
  current = 0
  /** 0 to 1. */
  stateOfCharge: number
  /** °C. */
  temp: number
  warning = false
  readonly #random: Random
  #lightsA: number
  #drawA = 20

  constructor(random: Random, ambient: number) {
    this.#random = random
    this.stateOfCharge = random.between(0.78, 0.97)
    this.temp = ambient + 3
    this.#lightsA = random.next() < 0.5 ? 14 : 4
  }

  step(dt: number, rpm: number, fan: boolean, engineBayTemp: number, faults: Faults): void {
    // Lights, wipers and heated windows come and go every few minutes.
    if (this.#random.next() < dt / 150) this.#lightsA = this.#random.between(3, 28)
    this.#drawA = lag(this.#drawA, 14 + this.#lightsA + (fan ? 26 : 0), 0.5, dt)
    const sagging = faults.grownSec('battery')
    const health = Math.max(0.12, 1 - sagging / 25)
    const giveable = ALTERNATOR_MAX_A * clamp((rpm - 200) / 1500, 0.25, 1) * health
    const resistance = 0.014 + Math.min(0.08, sagging / 9000)
    const open = 11.7 + 1.15 * this.stateOfCharge
    const wished = clamp((REGULATED_V - open) / resistance, 0, 45 * (1.02 - this.stateOfCharge) + 2)
    this.current = lag(this.current, Math.min(wished, giveable - this.#drawA), 0.4, dt)
    // An alternator with power to spare holds its voltage; with less, the battery takes less and
    // the voltage falls with it; with none, the battery feeds the car.
    const share = this.current / Math.max(wished, 0.1)
    const target =
      this.current > 0
        ? open + (REGULATED_V - open) * Math.min(1, share)
        : open + this.current * resistance
    this.voltage = lag(this.voltage, target, 0.6, dt)
    const charged = (this.current * dt) / 3600 / CAPACITY_AH
    this.stateOfCharge = clamp(this.stateOfCharge + charged * (sagging > 0 ? 2 : 1), 0, 1)
    this.temp = lag(this.temp, engineBayTemp, 900, dt)
    this.warning = this.voltage < 12.4
  }
}
