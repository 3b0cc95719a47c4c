import type Quantities from 'js-quantities'
import { lazy } from '../../sensors/lazy.ts'

/** Loaded only where units are given. */
const quantity = lazy<typeof Quantities>('js-quantities')

/** How a value in one unit becomes one in another: `value * factor + offset`. */
export interface Conversion {
  readonly factor: number
  readonly offset: number
}

export const SAME: Conversion = { factor: 1, offset: 0 }

/** Units that cannot be converted; the message says why, for a person. */
export class UnitError extends Error {
  override readonly name = 'UnitError'
}

/**
 * Spellings of DBC files and of VSS that js-quantities does not know, or takes for something else.
 * Where a text has several meanings (`C` is coulomb, and in many DBC files Celsius), the first whose
 * dimension fits is taken.
 */
const SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  '°C': ['tempC'],
  degC: ['tempC'],
  'deg C': ['tempC'],
  Cel: ['tempC'],
  celsius: ['tempC'],
  C: ['C', 'tempC'],
  '°F': ['tempF'],
  degF: ['tempF'],
  'deg F': ['tempF'],
  fahrenheit: ['tempF'],
  F: ['F', 'tempF'],
  K: ['tempK'],
  kelvin: ['tempK'],
  'rev/min': ['rpm'],
  'r/min': ['rpm'],
  'U/min': ['rpm'],
  '1/min': ['rpm', '1/min'],
  'min-1': ['rpm', '1/min'],
  'min^-1': ['rpm', '1/min'],
  RPM: ['rpm'],
  kph: ['km/h'],
  kmh: ['km/h'],
  'KM/H': ['km/h'],
  'Km/h': ['km/h'],
  MPH: ['mph'],
  Nm: ['N*m'],
  kNm: ['kN*m'],
  '°': ['deg'],
  degree: ['deg'],
  degrees: ['deg'],
  '°/s': ['deg/s'],
  'degrees/s': ['deg/s'],
  'm/s2': ['m/s^2'],
  g: ['g', 'gee'],
  G: ['gee', 'G'],
  lx: ['lux'],
  percent: ['%'],
  pct: ['%'],
  Volt: ['V'],
  volts: ['V'],
  Ampere: ['A'],
  amps: ['A'],
  sec: ['s'],
  Bar: ['bar'],
  PSI: ['psi'],
  Ω: ['Ohm'],
  ratio: ['1'],
}

/** A temperature as such, and as a difference: only the latter gives the factor without rounding. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  tempC: 'degC',
  tempF: 'degF',
  tempK: 'degK',
}

/** Digits of an offset that are not rounding noise of the library. */
const OFFSET_DIGITS = 12

/**
 * How values in unit `from` become values in unit `to`. Throws `UnitError` where one of them is not
 * known, or they are of different dimensions. A temperature is taken as a point on its scale, not as a
 * difference.
 */
export function conversionOf(from: string, to: string): Conversion {
  if (plain(from) === plain(to)) return SAME
  const [sources, targets] = [meanings(from), meanings(to)]
  for (const source of sources) {
    for (const target of targets) {
      if (quantity()(1, source).isCompatible(quantity()(1, target))) return between(source, target)
    }
  }
  throw new UnitError(
    `cannot convert "${from}"${kindOf(sources[0])} to "${to}"${kindOf(targets[0])}`,
  )
}

function between(source: string, target: string): Conversion {
  const [a, b] = [DIFFERENCES[source], DIFFERENCES[target]]
  if (!a || !b) return { factor: quantity()(1, source).to(target).scalar, offset: 0 }
  const offset = Number(quantity()(0, source).to(target).scalar.toPrecision(OFFSET_DIGITS))
  return { factor: quantity()(1, a).to(b).scalar, offset }
}

/** What the library calls a unit; several where the text is ambiguous. Throws `UnitError`. */
function meanings(text: string): string[] {
  const unit = plain(text)
  const known = (SPELLINGS[unit] ?? [unit]).filter(isKnown)
  if (known.length === 0) throw new UnitError(`"${text}" is no unit that is known here`)
  return known
}

function isKnown(unit: string): boolean {
  try {
    quantity()(1, unit)
    return unit !== ''
  } catch {
    return false
  }
}

function kindOf(unit: string): string {
  const kind = DIFFERENCES[unit] ? 'temperature' : quantity()(1, unit).kind()
  return kind ? ` (${kind.replaceAll('_', ' ')})` : ''
}

/** One way to write what can be written in several. */
function plain(text: string): string {
  return text
    .trim()
    .replaceAll('·', '*')
    .replaceAll('²', '^2')
    .replaceAll('³', '^3')
    .replaceAll('\u03bc', '\u00b5')
    .replaceAll('º', '°')
}
