import { systemClock } from '../../../agent/clock.ts'
import { type IsoTpAddress, opposite } from '../../../sensors/isotp/address.ts'
import type { Sensor } from '../../../sensors/sensor.ts'
import { type EcuOptions, SimulatedEcu } from '../../../sensors/simulator/ecu/ecu.ts'
import { VehicleData } from '../../../sensors/simulator/ecu/vehicle-data.ts'
import { Vehicle } from '../../../sensors/simulator/vehicle.ts'
import { Recorder } from '../recorder.ts'

export const VIN = 'WMPSXM00000000007'
export const ENGINE: IsoTpAddress = { txId: 0x7e0, rxId: 0x7e8, ext: false }

/** A sensor under test on a virtual bus with a simulated ECU at the other end. */
export function bench(options: EcuOptions = {}, address: IsoTpAddress = ENGINE) {
  const recorder = new Recorder(systemClock)
  const vehicle = new Vehicle({ seed: 3 })
  for (let i = 0; i < 3000; i++) vehicle.step()
  const data = new VehicleData(vehicle, VIN)
  const ecu = new SimulatedEcu(
    recorder.wire.channel(),
    opposite(address),
    systemClock,
    data,
    options,
  )
  return { recorder, vehicle, data, ecu }
}

/** Runs a sensor until the condition holds, then stops it; rejects where the sensor does. */
export async function runUntil(
  sensor: Sensor,
  recorder: Recorder,
  condition: () => boolean,
): Promise<void> {
  const stop = new AbortController()
  const running = sensor.run(recorder, stop.signal)
  try {
    await Promise.race([recorder.until(condition), running])
  } finally {
    stop.abort()
    await running.catch(() => {})
  }
}
