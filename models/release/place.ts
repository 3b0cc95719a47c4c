import { createHash } from 'node:crypto'

/** How finely a fleet is divided: a hundredth of a percent. */
export const PLACES = 10_000

/**
 * The place of a vehicle in a rollout: sha256 over the UTF-8 of vehicle and seed, one after the other,
 * read as one big-endian number, modulo 10,000. Another seed shuffles the fleet anew.
 */
export function placeOf(vehicle: string, seed: string): number {
  const digest = createHash('sha256').update(vehicle).update(seed).digest('hex')
  return Number(BigInt(`0x${digest}`) % BigInt(PLACES))
}

/** Whether a rollout of so many percent has come to this place. */
export function isReached(place: number, percent: number): boolean {
  return place < Math.round(percent * (PLACES / 100))
}
