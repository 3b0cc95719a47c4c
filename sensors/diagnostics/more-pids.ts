import { one, type Pid, percent, trim, word } from './pid.ts'

/** A PID whose byte A says by its bits which of its parts the vehicle has. */
function parts(pid: number, bytes: number, unit: string, list: PartSpec[]): Pid {
  const signals = list.map(([bit, name, read]) => ({
    name: `Vehicle.OBD.${name}`,
    unit,
    read,
    present: (d: Uint8Array) => ((d[0] >> bit) & 1) === 1,
  }))
  return { pid, bytes, signals }
}
type PartSpec = [bit: number, name: string, read: (d: Uint8Array) => number]

/** PIDs from 0x3C on (SAE J1979-DA). */
export const MORE_PIDS: readonly Pid[] = [
  one(0x3c, 2, 'Catalyst.Bank1.Temperature1', 'degC', (d) => word(d) / 10 - 40),
  one(0x3d, 2, 'Catalyst.Bank2.Temperature1', 'degC', (d) => word(d) / 10 - 40),
  one(0x3e, 2, 'Catalyst.Bank1.Temperature2', 'degC', (d) => word(d) / 10 - 40),
  one(0x3f, 2, 'Catalyst.Bank2.Temperature2', 'degC', (d) => word(d) / 10 - 40),
  one(0x42, 2, 'ControlModuleVoltage', 'V', (d) => word(d) / 1000),
  one(0x43, 2, 'AbsoluteLoad', '%', (d) => (word(d) * 100) / 255),
  one(0x44, 2, 'CommandedEquivalenceRatio', '', (d) => (word(d) * 2) / 65536),
  one(0x45, 1, 'RelativeThrottlePosition', '%', (d) => percent(d[0])),
  one(0x46, 1, 'AmbientAirTemperature', 'degC', (d) => d[0] - 40),
  one(0x47, 1, 'ThrottlePositionB', '%', (d) => percent(d[0])),
  one(0x48, 1, 'ThrottlePositionC', '%', (d) => percent(d[0])),
  one(0x49, 1, 'AcceleratorPositionD', '%', (d) => percent(d[0])),
  one(0x4a, 1, 'AcceleratorPositionE', '%', (d) => percent(d[0])),
  one(0x4b, 1, 'AcceleratorPositionF', '%', (d) => percent(d[0])),
  one(0x4c, 1, 'ThrottleActuator', '%', (d) => percent(d[0])),
  one(0x4d, 2, 'RunTimeMIL', 'min', (d) => word(d)),
  one(0x4e, 2, 'TimeSinceDTCCleared', 'min', (d) => word(d)),
  one(0x50, 4, 'MaxMAF', 'g/s', (d) => d[0] * 10),
  one(0x51, 1, 'FuelType', '', (d) => d[0]),
  one(0x52, 1, 'EthanolPercent', '%', (d) => percent(d[0])),
  one(0x53, 2, 'EVAPVaporPressureAbsolute', 'kPa', (d) => word(d) / 200),
  one(0x54, 2, 'EVAPVaporPressureAlternate', 'Pa', (d) => (word(d) << 16) >> 16),
  one(0x55, 2, 'ShortTermO2Trim1', '%', (d) => trim(d[0])),
  one(0x56, 2, 'LongTermO2Trim1', '%', (d) => trim(d[0])),
  one(0x57, 2, 'ShortTermO2Trim2', '%', (d) => trim(d[0])),
  one(0x58, 2, 'LongTermO2Trim2', '%', (d) => trim(d[0])),
  one(0x59, 2, 'FuelRailPressureAbsolute', 'kPa', (d) => word(d) * 10),
  one(0x5a, 1, 'RelativeAcceleratorPosition', '%', (d) => percent(d[0])),
  one(0x5b, 1, 'HybridBatteryRemaining', '%', (d) => percent(d[0])),
  one(0x5c, 1, 'OilTemperature', 'degC', (d) => d[0] - 40),
  one(0x5d, 2, 'FuelInjectionTiming', 'deg', (d) => word(d) / 128 - 210),
  one(0x5e, 2, 'FuelRate', 'L/h', (d) => word(d) / 20),
  one(0x61, 1, 'DemandEngineTorque', '%', (d) => d[0] - 125),
  one(0x62, 1, 'ActualEngineTorque', '%', (d) => d[0] - 125),
  one(0x63, 2, 'ReferenceEngineTorque', 'Nm', (d) => word(d)),
  parts(0x66, 5, 'g/s', [
    [0, 'MAFSensorA', (d) => word(d, 1) / 32],
    [1, 'MAFSensorB', (d) => word(d, 3) / 32],
  ]),
  parts(0x67, 3, 'degC', [
    [0, 'CoolantTemperature1', (d) => d[1] - 40],
    [1, 'CoolantTemperature2', (d) => d[2] - 40],
  ]),
  one(0xa6, 4, 'Odometer', 'km', (d) => (d[0] * 2 ** 24 + d[1] * 65536 + d[2] * 256 + d[3]) / 10),
]
