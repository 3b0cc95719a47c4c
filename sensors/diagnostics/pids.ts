import { MORE_PIDS } from './more-pids.ts'
import { one, type Pid, type PidSignal, percent, pid, trim, value, word } from './pid.ts'

/** Conventional oxygen sensors (PIDs 0x14 to 0x1B): voltage, and trim where it is used for that. */
function oxygen(sensor: number): Pid {
  return pid(
    0x13 + sensor,
    2,
    value(`O2.Sensor${sensor}.Voltage`, 'V', (d) => d[0] / 200),
    {
      ...value(`O2.Sensor${sensor}.ShortTermFuelTrim`, '%', (d) => trim(d[1])),
      present: (d) => d[1] !== 0xff,
    },
  )
}

/** Wide-range oxygen sensors: ratio, and voltage (0x24 to 0x2B) or current (0x34 to 0x3B). */
function wideRange(first: number, sensor: number, second: PidSignal): Pid {
  return pid(
    first + sensor - 1,
    4,
    value(`O2WR.Sensor${sensor}.Lambda`, '', (d) => (word(d) * 2) / 65536),
    second,
  )
}

const SENSORS = [1, 2, 3, 4, 5, 6, 7, 8]

const TABLE: readonly Pid[] = [
  pid(
    0x01,
    4,
    value('Status.IsMILOn', '', (d) => d[0] >> 7),
    value('Status.DTCCount', '', (d) => d[0] & 0x7f),
    value('Status.IsCompressionIgnition', '', (d) => (d[1] >> 3) & 1),
  ),
  one(0x03, 2, 'FuelStatus', '', (d) => d[0]),
  one(0x04, 1, 'EngineLoad', '%', (d) => percent(d[0])),
  one(0x05, 1, 'CoolantTemperature', 'degC', (d) => d[0] - 40),
  one(0x06, 1, 'ShortTermFuelTrim1', '%', (d) => trim(d[0])),
  one(0x07, 1, 'LongTermFuelTrim1', '%', (d) => trim(d[0])),
  one(0x08, 1, 'ShortTermFuelTrim2', '%', (d) => trim(d[0])),
  one(0x09, 1, 'LongTermFuelTrim2', '%', (d) => trim(d[0])),
  one(0x0a, 1, 'FuelPressure', 'kPa', (d) => d[0] * 3),
  one(0x0b, 1, 'MAP', 'kPa', (d) => d[0]),
  one(0x0c, 2, 'EngineSpeed', 'rpm', (d) => word(d) / 4),
  one(0x0d, 1, 'Speed', 'km/h', (d) => d[0]),
  one(0x0e, 1, 'TimingAdvance', 'deg', (d) => d[0] / 2 - 64),
  one(0x0f, 1, 'IntakeTemp', 'degC', (d) => d[0] - 40),
  one(0x10, 2, 'MAF', 'g/s', (d) => word(d) / 100),
  one(0x11, 1, 'ThrottlePosition', '%', (d) => percent(d[0])),
  ...SENSORS.map(oxygen),
  one(0x1c, 1, 'OBDStandards', '', (d) => d[0]),
  one(0x1f, 2, 'RunTime', 's', (d) => word(d)),
  one(0x21, 2, 'DistanceWithMIL', 'km', (d) => word(d)),
  one(0x22, 2, 'FuelRailPressureVac', 'kPa', (d) => word(d) * 0.079),
  one(0x23, 2, 'FuelRailPressureDirect', 'kPa', (d) => word(d) * 10),
  ...SENSORS.map((n) =>
    wideRange(
      0x24,
      n,
      value(`O2WR.Sensor${n}.Voltage`, 'V', (d) => (word(d, 2) * 8) / 65536),
    ),
  ),
  one(0x2c, 1, 'CommandedEGR', '%', (d) => percent(d[0])),
  one(0x2d, 1, 'EGRError', '%', (d) => trim(d[0])),
  one(0x2e, 1, 'CommandedEVAP', '%', (d) => percent(d[0])),
  one(0x2f, 1, 'FuelLevel', '%', (d) => percent(d[0])),
  one(0x30, 1, 'WarmupsSinceDTCClear', '', (d) => d[0]),
  one(0x31, 2, 'DistanceSinceDTCClear', 'km', (d) => word(d)),
  one(0x32, 2, 'EVAPVaporPressure', 'Pa', (d) => ((word(d) << 16) >> 16) / 4),
  one(0x33, 1, 'BarometricPressure', 'kPa', (d) => d[0]),
  ...SENSORS.map((n) =>
    wideRange(
      0x34,
      n,
      value(`O2WR.Sensor${n}.Current`, 'mA', (d) => word(d, 2) / 256 - 128),
    ),
  ),
  ...MORE_PIDS,
]

/** Standard PIDs of services 01 and 02 that hold values, by number. */
export const PIDS: ReadonlyMap<number, Pid> = new Map(TABLE.map((entry) => [entry.pid, entry]))

/**
 * The values in the data bytes of a PID's answer.
 * @returns undefined where the PID is not known or the answer is too short to hold it
 */
export function decodePid(
  number: number,
  data: Uint8Array,
): { signal: PidSignal; value: number }[] | undefined {
  const known = PIDS.get(number)
  if (!known || data.length < known.bytes) return undefined
  return known.signals
    .filter((signal) => signal.present?.(data) ?? true)
    .map((signal) => ({ signal, value: signal.read(data) }))
}
