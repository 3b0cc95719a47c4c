import type { BitField } from '../diagnostics/bit-field.ts'

/** A parameter group: what its bytes mean (SAE J1939-71). */
export interface Group {
  readonly pgn: number
  /** Acronym of the standard. */
  readonly name: string
  readonly fields: readonly BitField[]
  /** All of it is text, items apart by `*`. */
  readonly text?: string
}

type Row = readonly [
  name: string,
  unit: string,
  /** Byte from 1 and bit from 1, as the standard counts. */
  start: number,
  bits: number,
  factor?: number,
  offset?: number,
]

function group(pgn: number, name: string, ...rows: Row[]): Group {
  const fields = rows.map(([field, unit, start, bits, factor = 1, offset = 0]): BitField => {
    const byte = Math.floor(start) - 1
    const bit = Math.round((start % 1) * 10)
    const first = bit === 0 ? 0 : bit - 1
    return {
      name: field,
      unit,
      byte,
      bit: first,
      bits,
      order: 'little',
      signed: false,
      factor,
      offset,
    }
  })
  return { pgn, name, fields }
}

/** Groups that most trucks send. A start of 4.3 is byte 4, bit 3. */
export const GROUPS: readonly Group[] = [
  group(
    61444,
    'EEC1',
    ['DriverDemandTorque', '%', 2, 8, 1, -125],
    ['ActualEngineTorque', '%', 3, 8, 1, -125],
    ['EngineSpeed', 'rpm', 4, 16, 0.125],
  ),
  group(61443, 'EEC2', ['AcceleratorPosition', '%', 2, 8, 0.4], ['EngineLoad', '%', 3, 8]),
  group(
    65265,
    'CCVS1',
    ['ParkingBrake', '', 1.3, 2],
    ['VehicleSpeed', 'km/h', 2, 16, 1 / 256],
    ['CruiseActive', '', 4.1, 2],
    ['BrakeSwitch', '', 4.5, 2],
    ['ClutchSwitch', '', 4.7, 2],
  ),
  group(
    65262,
    'ET1',
    ['CoolantTemperature', 'degC', 1, 8, 1, -40],
    ['FuelTemperature', 'degC', 2, 8, 1, -40],
    ['OilTemperature', 'degC', 3, 16, 0.03125, -273],
  ),
  group(
    65263,
    'EFLP1',
    ['FuelDeliveryPressure', 'kPa', 1, 8, 4],
    ['OilLevel', '%', 3, 8, 0.4],
    ['OilPressure', 'kPa', 4, 8, 4],
    ['CoolantLevel', '%', 8, 8, 0.4],
  ),
  group(
    65266,
    'LFE1',
    ['FuelRate', 'L/h', 1, 16, 0.05],
    ['InstantaneousFuelEconomy', 'km/L', 3, 16, 1 / 512],
    ['ThrottlePosition', '%', 7, 8, 0.4],
  ),
  group(
    65269,
    'AMB',
    ['BarometricPressure', 'kPa', 1, 8, 0.5],
    ['AmbientAirTemperature', 'degC', 4, 16, 0.03125, -273],
    ['IntakeTemperature', 'degC', 6, 8, 1, -40],
  ),
  group(
    65270,
    'IC1',
    ['BoostPressure', 'kPa', 2, 8, 2],
    ['IntakeManifoldTemperature', 'degC', 3, 8, 1, -40],
    ['ExhaustGasTemperature', 'degC', 6, 16, 0.03125, -273],
  ),
  group(
    65271,
    'VEP1',
    ['AlternatorCurrent', 'A', 2, 8],
    ['AlternatorPotential', 'V', 3, 16, 0.05],
    ['ElectricalPotential', 'V', 5, 16, 0.05],
    ['BatteryPotential', 'V', 7, 16, 0.05],
  ),
  group(65253, 'HOURS', ['EngineTotalHours', 'h', 1, 32, 0.05]),
  group(65257, 'LFC', ['TripFuel', 'L', 1, 32, 0.5], ['TotalFuelUsed', 'L', 5, 32, 0.5]),
  group(65248, 'VD', ['TripDistance', 'km', 1, 32, 0.125], ['TotalDistance', 'km', 5, 32, 0.125]),
  group(65217, 'VDHR', ['TotalDistance', 'km', 1, 32, 0.005], ['TripDistance', 'km', 5, 32, 0.005]),
  group(65276, 'DD1', ['WasherFluidLevel', '%', 1, 8, 0.4], ['FuelLevel', '%', 2, 8, 0.4]),
  group(61445, 'ETC2', ['SelectedGear', '', 1, 8, 1, -125], ['CurrentGear', '', 4, 8, 1, -125]),
  { pgn: 65260, name: 'VI', fields: [], text: 'vin' },
  { pgn: 65242, name: 'SOFT', fields: [], text: 'software' },
  { pgn: 65259, name: 'CI', fields: [], text: 'component' },
]
