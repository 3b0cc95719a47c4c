import { WHEELS } from './tyres.ts'
import type { Vehicle } from './vehicle.ts'

/**
 * Reads one signal of `vehicle.dbc` off the vehicle, in the signal's unit. `turn` counts the frames
 * of its message.
 */
export type Probe = (vehicle: Vehicle, turn: number) => number

const kmh = (metresPerSec: number): number => metresPerSec * 3.6
const noisy = (v: Vehicle, value: number, deviation: number): number =>
  value + v.noise.normal() * deviation

/** Probes by `Message.Signal`; every signal of the file has one. */
export const PROBES: Readonly<Record<string, Probe>> = {
  'Engine.Rpm': (v) => v.engine.rpm,
  'Engine.Throttle': (v) => v.engine.throttle * 100,
  'Engine.Load': (v) => v.engine.load * 100,
  'Engine.Torque': (v) => v.engine.torqueNm,
  'Engine.Gear': (v) => (v.engine.speed === 0 ? 0 : v.engine.gear),
  'Engine.MisfireCount': (v) => v.engine.misfires % 256,
  'Engine.Alive': (_, turn) => turn % 256,

  'EngineAir.MassFlow': (v) => Math.max(0, noisy(v, v.engine.airFlow, 0.06)),
  'EngineAir.IntakeTemp': (v) => v.thermal.intake,
  'EngineAir.ManifoldPressure': (v) => noisy(v, v.engine.manifoldKpa, 0.4),
  'EngineAir.FuelRate': (v) => v.engine.fuelRate,
  'EngineAir.AmbientTemp': (v) => v.thermal.ambient,

  'EngineTemp.Coolant': (v) => noisy(v, v.thermal.coolant, 0.04),
  'EngineTemp.Oil': (v) => noisy(v, v.thermal.oil, 0.04),
  'EngineTemp.OilPressure': (v) => v.thermal.oilPressureKpa,
  'EngineTemp.Fan': (v) => Number(v.thermal.fan),
  'EngineTemp.Thermostat': (v) => v.thermal.thermostat * 100,

  'Chassis.Speed': (v) => kmh(v.engine.speed),
  'Chassis.YawRate': (v) => noisy(v, v.ride.yawRate, 0.05),
  'Chassis.BrakePressure': (v) => v.engine.brakeBar,
  'Chassis.Brake': (v) => Number(v.engine.brakeBar > 1),
  'Chassis.Driving': (v) => v.engine.driving,
  'Chassis.Grade': (v) => v.ride.grade * 100,

  'WheelSpeed.FrontLeft': (v) => kmh(v.ride.wheelSpeed[0]),
  'WheelSpeed.FrontRight': (v) => kmh(v.ride.wheelSpeed[1]),
  'WheelSpeed.RearLeft': (v) => kmh(v.ride.wheelSpeed[2]),
  'WheelSpeed.RearRight': (v) => kmh(v.ride.wheelSpeed[3]),

  'Acceleration.Longitudinal': (v) => noisy(v, v.engine.acceleration, 0.03),
  'Acceleration.Lateral': (v) => noisy(v, v.ride.lateral, 0.03),
  'Acceleration.Vertical': (v) => noisy(v, 9.81 + v.ride.vertical, 0.03),

  'Corner.FrontLeft': (v) => v.ride.cornerVertical[0],
  'Corner.FrontRight': (v) => v.ride.cornerVertical[1],
  'Corner.RearLeft': (v) => v.ride.cornerVertical[2],
  'Corner.RearRight': (v) => v.ride.cornerVertical[3],

  'Tyre.Wheel': (_, turn) => turn % WHEELS,
  'Tyre.PressureFrontLeft': (v) => noisy(v, v.tyres.pressureKpa[0], 0.1),
  'Tyre.PressureFrontRight': (v) => noisy(v, v.tyres.pressureKpa[1], 0.1),
  'Tyre.PressureRearLeft': (v) => noisy(v, v.tyres.pressureKpa[2], 0.1),
  'Tyre.PressureRearRight': (v) => noisy(v, v.tyres.pressureKpa[3], 0.1),
  'Tyre.TempFrontLeft': (v) => v.tyres.temp[0],
  'Tyre.TempFrontRight': (v) => v.tyres.temp[1],
  'Tyre.TempRearLeft': (v) => v.tyres.temp[2],
  'Tyre.TempRearRight': (v) => v.tyres.temp[3],

  'Battery.Voltage': (v) => noisy(v, v.battery.voltage, 0.008),
  'Battery.Current': (v) => noisy(v, v.battery.current, 0.05),
  'Battery.StateOfCharge': (v) => v.battery.stateOfCharge * 100,
  'Battery.Temp': (v) => v.battery.temp,
  'Battery.ChargeWarning': (v) => Number(v.battery.warning),

  'Body.Odometer': (v) => v.startKm + v.tripKm,
  'Body.FuelLevel': (v) => v.fuel * 100,
  'Body.Firmware': (v) => v.firmware,

  'Vibration.Total': (v) => v.ride.totalG * (1 + 0.03 * v.noise.normal()),
  'Vibration.Engine': (v) => v.ride.engineG * (1 + 0.03 * v.noise.normal()),
  'Vibration.Road': (v) => v.ride.roadG * (1 + 0.03 * v.noise.normal()),
  'Vibration.Bearing': (v) => v.ride.bearingG + 0.004 * (1 + 0.2 * v.noise.normal()),
  'Vibration.PeakFrequency': (v) => v.ride.peakHz,
  'Vibration.Band1': (v) => v.ride.bandG[0],
  'Vibration.Band2': (v) => v.ride.bandG[1],
  'Vibration.Band3': (v) => v.ride.bandG[2],
  'Vibration.Band4': (v) => v.ride.bandG[3],
  'Vibration.Crest': (v) => v.ride.crest * (1 + 0.02 * v.noise.normal()),
  'Vibration.Samples': () => 1600,

  'Distance.Trip': (v) => v.tripKm,
  'Distance.Total': (v) => v.startKm + v.tripKm,
}
