import { InvalidArgumentError } from 'commander'

/** A parser of an option's value: a number from `low` to `high`, both included. */
export function number(low: number, high: number): (text: string) => number {
  return (text) => within(text, low, high, 'number', Number.isFinite)
}

/** The same for whole numbers; without `high`, as many as can be counted. */
export function whole(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => within(text, low, high, 'whole number', Number.isSafeInteger)
}

export const percent = number(0, 100)

/** A number above 0, as a span of time is. */
export function positive(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('Expected a number above 0.')
}

function within(
  text: string,
  low: number,
  high: number,
  what: string,
  holds: (value: number) => boolean,
): number {
  const value = Number(text)
  if (text.trim() !== '' && holds(value) && value >= low && value <= high) return value
  const range = high === Number.MAX_SAFE_INTEGER ? `from ${low} on` : `from ${low} to ${high}`
  throw new InvalidArgumentError(`Expected a ${what} ${range}.`)
}
