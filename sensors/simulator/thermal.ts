import type { Faults } from './faults.ts'
import type { Powertrain } from './powertrain.ts'
import { clamp, lag, type Random } from './random.ts'

/** Joules per gram of petrol. */
const FUEL_J_PER_G = 43_000
/** Share of the fuel's heat that goes into coolant and block. */
const HEAT_TO_COOLANT = 0.3
/** Coolant and block together. */
const CAPACITY_J_PER_K = 46_000
/** The thermostat begins to open and stands open, °C. */
const THERMOSTAT_OPENS = 86
const THERMOSTAT_OPEN = 96
const FAN_ON = 101
const FAN_OFF = 97
/** Above this the system boils off what heat it gets. */
const BOILS = 128

/** Temperatures in °C. */
export class Thermal {
  readonly ambient: number
  coolant: number
  oil: number
  intake: number
  /** How far the thermostat is open, 0 to 1. */
  thermostat = 0
  fan = false
  oilPressureKpa = 150

  constructor(random: Random) {
    this.ambient = random.between(4, 29)
    // Anything from a night outside to an hour since the last drive.
    this.coolant = this.ambient + random.between(0, 65)
    this.oil = this.ambient + (this.coolant - this.ambient) * 0.8
    this.intake = this.ambient + 6
  }

  step(dt: number, engine: Powertrain, faults: Faults): void {
    this.thermostat = clamp(
      (this.coolant - THERMOSTAT_OPENS) / (THERMOSTAT_OPEN - THERMOSTAT_OPENS),
      0,
      1,
    )
    if (this.coolant > FAN_ON) this.fan = true
    if (this.coolant < FAN_OFF) this.fan = false
    // A leak: less and less coolant reaches the radiator.
    const flow = Math.max(0.03, 1 - faults.grownSec('coolant') / 90)
    const radiator = this.thermostat * flow * (110 + 26 * engine.speed + (this.fan ? 380 : 0))
    const over = this.coolant - this.ambient
    const heat = engine.fuelRate * FUEL_J_PER_G * HEAT_TO_COOLANT
    const boiling = this.coolant > BOILS ? (this.coolant - BOILS) * 4000 : 0
    const net = heat - (radiator + 11 + 0.4 * engine.speed) * over - boiling
    this.coolant += (net / CAPACITY_J_PER_K) * dt

    this.oil = lag(this.oil, this.coolant + 2 + 18 * engine.load * (engine.rpm / 3000), 160, dt)
    this.intake = lag(this.intake, this.ambient + 4 + 22 * Math.exp(-engine.speed / 7), 45, dt)
    const thin = clamp((this.oil - 20) / 100, 0, 1)
    this.oilPressureKpa = clamp((engine.rpm / 6000) * 520 + 130 - 70 * thin, 60, 600)
  }
}
