import type { Vehicle } from '../vehicle.ts'
import type { SentGroup } from './j1939-node.ts'

const NOT_AVAILABLE = 0xff

/** A payload of 8 bytes, unused ones "not available"; parts begin at a byte counted from 1. */
function frame(...parts: [start: number, bytes: number, raw: number][]): Uint8Array {
  const data = new Uint8Array(8).fill(NOT_AVAILABLE)
  for (const [start, bytes, raw] of parts) {
    const most = 0xfb * 2 ** (8 * (bytes - 1)) - 1
    const whole = Math.min(most, Math.max(0, Math.round(raw)))
    for (let i = 0; i < bytes; i++) data[start - 1 + i] = Math.floor(whole / 2 ** (8 * i)) & 0xff
  }
  return data
}

/** What the simulated engine says on a J1939 bus (SAE J1939-71). */
export function vehicleGroups(v: Vehicle, vin: string): SentGroup[] {
  return [
    {
      pgn: 61444,
      everyMs: 20,
      data: () =>
        frame(
          [2, 1, v.engine.throttle * 100 + 125],
          [3, 1, v.engine.load * 100 + 125],
          [4, 2, v.engine.rpm / 0.125],
        ),
    },
    {
      pgn: 61443,
      everyMs: 50,
      data: () => frame([2, 1, v.engine.throttle * 250], [3, 1, v.engine.load * 100]),
    },
    { pgn: 65265, everyMs: 100, data: () => frame([2, 2, v.engine.speed * 3.6 * 256]) },
    {
      pgn: 65262,
      everyMs: 1000,
      data: () => frame([1, 1, v.thermal.coolant + 40], [3, 2, (v.thermal.oil + 273) / 0.03125]),
    },
    { pgn: 65263, everyMs: 500, data: () => frame([4, 1, v.thermal.oilPressureKpa / 4]) },
    {
      pgn: 65266,
      everyMs: 100,
      data: () =>
        frame([1, 2, (v.engine.fuelRate * 3600) / 745 / 0.05], [7, 1, v.engine.throttle * 250]),
    },
    { pgn: 65271, everyMs: 1000, data: () => frame([5, 2, v.battery.voltage / 0.05]) },
    { pgn: 65253, everyMs: 0, data: () => frame([1, 4, v.timeUs / 3.6e9 / 0.05]) },
    { pgn: 65260, everyMs: 0, data: () => new TextEncoder().encode(`${vin}*`) },
  ]
}
