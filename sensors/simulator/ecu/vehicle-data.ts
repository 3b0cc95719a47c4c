import { codeBytes } from '../../diagnostics/trouble-codes.ts'
import type { FaultKind } from '../faults.ts'
import type { Vehicle } from '../vehicle.ts'
import type { J1939Node } from './j1939-node.ts'
import type { EcuMemory } from './memory.ts'
import type { EcuData } from './obd-server.ts'

const byte = (value: number): number[] => [Math.min(255, Math.max(0, Math.round(value)))]
const word = (value: number): number[] => {
  const whole = Math.min(65_535, Math.max(0, Math.round(value)))
  return [whole >> 8, whole & 0xff]
}
const long = (value: number): number[] => {
  const whole = Math.min(0xffff_ffff, Math.max(0, Math.round(value)))
  return [whole >>> 24, (whole >>> 16) & 0xff, (whole >>> 8) & 0xff, whole & 0xff]
}
const percent = (share: number): number[] => byte(share * 255)

/** PIDs of service 01 that the simulated engine has, as it writes them. */
const PIDS = new Map<number, (v: Vehicle) => number[]>([
  [0x04, (v) => percent(v.engine.load)],
  [0x05, (v) => byte(v.thermal.coolant + 40)],
  [0x0b, (v) => byte(v.engine.manifoldKpa)],
  [0x0c, (v) => word(v.engine.rpm * 4)],
  [0x0d, (v) => byte(v.engine.speed * 3.6)],
  [0x0f, (v) => byte(v.thermal.intake + 40)],
  [0x10, (v) => word(v.engine.airFlow * 100)],
  [0x11, (v) => percent(v.engine.throttle)],
  [0x1c, () => [6]],
  [0x1f, (v) => word(v.timeUs / 1e6)],
  [0x2f, (v) => percent(v.fuel)],
  [0x33, () => [101]],
  [0x42, (v) => word(v.battery.voltage * 1000)],
  [0x46, (v) => byte(v.thermal.ambient + 40)],
  [0x51, () => [1]],
  [0x5c, (v) => byte(v.thermal.oil + 40)],
  // Grams of petrol a second to litres an hour.
  [0x5e, (v) => word(((v.engine.fuelRate * 3600) / 745) * 20)],
  [0x63, () => word(205)],
  [0xa6, (v) => long((v.startKm + v.tripKm) * 10)],
])

/** PIDs kept in a freeze frame. */
const FROZEN = [0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0f, 0x11, 0x1f, 0x42]

/** When a fault lights the lamp, and which code it then is (SAE J2012). */
const CODES: readonly {
  fault: FaultKind
  code: string
  failureType: number
  /** The same for J1939. */
  spn: number
  fmi: number
  pending: (v: Vehicle) => boolean
  stored: (v: Vehicle) => boolean
}[] = [
  {
    fault: 'misfire',
    code: 'P0300',
    failureType: 0x00,
    spn: 1322,
    fmi: 11,
    pending: (v) => v.faults.grownSec('misfire') > 2,
    stored: (v) => v.faults.grownSec('misfire') > 10,
  },
  {
    fault: 'coolant',
    code: 'P0217',
    failureType: 0x4b,
    spn: 110,
    fmi: 0,
    pending: (v) => v.thermal.coolant > 108,
    stored: (v) => v.thermal.coolant > 114,
  },
  {
    fault: 'battery',
    code: 'P0562',
    failureType: 0x16,
    spn: 168,
    fmi: 1,
    pending: (v) => v.battery.voltage < 12.8 && v.faults.grownSec('battery') > 0,
    stored: (v) => v.battery.voltage < 12.4 && v.faults.grownSec('battery') > 0,
  },
]

/** What the engine's ECU knows of the simulated vehicle. */
export class VehicleData implements EcuData {
  readonly pids = [...PIDS.keys()]
  readonly information: ReadonlyMap<number, readonly Uint8Array[]>
  readonly vin: string
  readonly #vehicle: Vehicle
  readonly #told = new Set<string>()

  constructor(vehicle: Vehicle, vin: string) {
    this.#vehicle = vehicle
    this.vin = vin
    this.information = new Map([
      [0x02, [text(vin, 17)]],
      [0x04, [text('MP-SIM-0001', 16)]],
      [0x06, [Uint8Array.from(long(0x5eed_0001))]],
      [0x0a, [text('ECM\0-EngineControl', 20)]],
    ])
  }

  pid(pid: number): Uint8Array | undefined {
    const write = PIDS.get(pid)
    return write && Uint8Array.from(write(this.#vehicle))
  }

  freezeFrame(): ReadonlyMap<number, Uint8Array> {
    return new Map(FROZEN.map((pid) => [pid, this.pid(pid) as Uint8Array]))
  }

  /** Sets the codes that the vehicle's faults have earned by now; each once. */
  watch(memory: EcuMemory, truck?: J1939Node): void {
    for (const { code, failureType, spn, fmi, pending, stored } of CODES) {
      for (const [kind, is] of [
        ['pending', pending],
        ['stored', stored],
      ] as const) {
        const key = `${code} ${kind}`
        if (this.#told.has(key) || !is(this.#vehicle)) continue
        this.#told.add(key)
        memory.set(codeBytes(code)!, [kind], this.freezeFrame(), failureType)
        if (kind === 'stored') truck?.active.push({ spn, fmi, occurrences: 1 })
      }
    }
  }
}

function text(value: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes.set(new TextEncoder().encode(value).subarray(0, length))
  return bytes
}
