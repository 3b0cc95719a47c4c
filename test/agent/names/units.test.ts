import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { conversionOf, UnitError } from '../../../agent/names/units.ts'

describe('units', () => {
  // What is expected is from the definitions of the units, not from the library.
  const cases: [value: number, from: string, to: string, expected: number][] = [
    [36, 'km/h', 'm/s', 10],
    [60, 'mph', 'km/h', 96.56064],
    [100, 'kph', 'km/h', 100],
    [0, '°C', 'degF', 32],
    [-40, 'degF', 'C', -40],
    [25, 'C', 'K', 298.15],
    [32, 'psi', 'kPa', 220.6322],
    [2.5, 'bar', 'kPa', 250],
    [1013, 'mbar', 'hPa', 1013],
    [12_600, 'mV', 'V', 12.6],
    [3000, '1/min', 'rpm', 3000],
    [60, 'U/min', 'rad/s', 2 * Math.PI],
    [180, '°', 'rad', Math.PI],
    [50, '%', 'ratio', 0.5],
    [1, 'kWh', 'MJ', 3.6],
    [9.80665, 'm/s²', 'g', 1],
    [2000, 'g', 'kg', 2],
    [7, 'Nm', 'N·m', 7],
    [5, 'stops', 'stops', 5],
    [3, 'l/h', 'ml/min', 50],
  ]
  for (const [value, from, to, expected] of cases) {
    test(`${value} ${from} is ${expected} ${to}`, () => {
      const { factor, offset } = conversionOf(from, to)
      const converted = value * factor + offset
      // The library has its constants with six digits.
      assert.ok(
        Math.abs(converted - expected) <= 1e-5 * Math.max(1, Math.abs(expected)),
        `${converted}`,
      )
    })
  }

  test('a dimension that does not fit, and a unit that is not known, are refused with a word', () => {
    for (const [from, to, reason] of [
      ['km/h', 'bar', 'cannot convert "km/h" (speed) to "bar" (pressure)'],
      ['°C', 'km/h', 'cannot convert "°C" (temperature) to "km/h" (speed)'],
      ['stops', 'km', '"stops" is no unit that is known here'],
      ['km', 'kmm', '"kmm" is no unit that is known here'],
    ]) {
      assert.throws(
        () => conversionOf(from, to),
        (error: unknown) => error instanceof UnitError && error.message === reason,
      )
    }
  })
})
