/** What one looks for first in a vehicle, in this order. */
const USUAL = [/speed/i, /rpm/i, /coolant/i, /volt/i, /throttle|pedal/i, /pressure/i]

/** The signals that are shown before anybody has chosen. */
export function usualSignals(all: readonly { readonly name: string }[]): string[] {
  const found = USUAL.map((wanted) => all.find(({ name }) => wanted.test(name))?.name)
  const names = [...new Set(found.filter((name) => name !== undefined))]
  return names.length ? names : all.slice(0, 4).map(({ name }) => name)
}
