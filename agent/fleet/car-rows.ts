/**
 * Rows of the shape of the public 100,000-car demo: 18 fields, a row per car every 10 s, in ranges
 * like those of its cars that run well.
 */
const FIELDS: readonly (readonly [name: string, least: number, most: number, whole?: boolean])[] = [
  ['coolant_temp', 20, 95],
  ['intake_air_temp', 15, 40],
  ['intake_air_flow_speed', 10, 250],
  ['battery_percentage', 0.1, 0.99],
  ['battery_voltage', 210, 255],
  ['current_draw', 0.5, 40],
  ['speed', 0, 50],
  ['engine_vibration_amplitude', 0, 5000],
  ['throttle_pos', 0, 1],
  ['tire_pressure_1_1', 26, 36, true],
  ['tire_pressure_1_2', 26, 36, true],
  ['tire_pressure_2_1', 26, 36, true],
  ['tire_pressure_2_2', 26, 36, true],
  ['accelerometer_1_1_value', 0, 2.5],
  ['accelerometer_1_2_value', 0, 2.5],
  ['accelerometer_2_1_value', 0, 2.5],
  ['accelerometer_2_2_value', 0, 2.5],
  ['control_unit_firmware', 2000, 2000, true],
]
/** JSON numbers hold what a float does: so many digits say it. */
const DIGITS = 7

export type CarRow = Readonly<Record<string, number>>

/** A row with the speed and its vibration in the ratio that a sound car has. */
export function carRow(random: () => number): CarRow {
  const row = Object.fromEntries(
    FIELDS.map(([name, least, most, whole]) => {
      const value = least + random() * (most - least)
      return [name, whole ? Math.round(value) : Number(value.toPrecision(DIGITS))]
    }),
  )
  return { ...row, engine_vibration_amplitude: Number((row.speed * 100).toPrecision(DIGITS)) }
}
