import type { ByteReader, ByteWriter } from './bytes.ts'

/** Most decimal places that are tried; beyond, values are written as they are. */
const MAX_PLACES = 6
const POWERS = Array.from({ length: MAX_PLACES + 1 }, (_, places) => 10 ** places)
/** Mode of a column of plain doubles; a smaller one is a number of decimal places. */
const DOUBLES = 0xff
/** A scaled value beyond this, or a difference of two, is no longer exact. */
const MAX_SCALED = 2 ** 51

/**
 * Writes numbers so that they come back bit by bit: what a DBC file scales by 0.1 or 0.25 is a decimal
 * with few places, and its differences are small integers.
 */
export function writeColumn(out: ByteWriter, values: Float64Array): void {
  const places = placesOf(values)
  if (places === undefined) {
    out.byte(DOUBLES)
    for (const value of values) out.double(value)
    return
  }
  out.byte(places)
  const power = POWERS[places]
  let before = 0
  for (const value of values) {
    const scaled = Math.round(value * power)
    out.signed(scaled - before)
    before = scaled
  }
}

export function readColumn(from: ByteReader, count: number): Float64Array {
  const values = new Float64Array(count)
  const places = from.byte()
  if (places === DOUBLES) {
    for (let i = 0; i < count; i++) values[i] = from.double()
    return values
  }
  const power = POWERS[places]
  if (power === undefined) throw new RangeError(`no column has mode ${places}`)
  let scaled = 0
  for (let i = 0; i < count; i++) {
    scaled += from.signed()
    values[i] = scaled / power
  }
  return values
}

/** The fewest decimal places with which all values come back exactly; undefined: there are none. */
function placesOf(values: Float64Array): number | undefined {
  let places = 0
  for (const value of values) {
    while (!fits(value, POWERS[places])) {
      if (++places > MAX_PLACES) return undefined
    }
  }
  return values.every((value) => fits(value, POWERS[places])) ? places : undefined
}

/** False for NaN, infinities and -0 too. */
function fits(value: number, power: number): boolean {
  const scaled = Math.round(value * power)
  // A zero has no sign once it is an integer.
  if (scaled === 0) return Object.is(value, 0)
  return Math.abs(scaled) < MAX_SCALED && scaled / power === value
}

/** Times in microseconds, as differences. */
export function writeTimes(out: ByteWriter, times: Float64Array): void {
  let before = 0
  for (const time of times) {
    out.signed(time - before)
    before = time
  }
}

export function readTimes(from: ByteReader, count: number): Float64Array {
  const times = new Float64Array(count)
  let time = 0
  for (let i = 0; i < count; i++) {
    time += from.signed()
    times[i] = time
  }
  return times
}
