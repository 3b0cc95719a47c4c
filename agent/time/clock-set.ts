/** A wall clock before this instant has not been set since the gateway lost power. */
const FIRST_PLAUSIBLE_US = Date.UTC(2024, 0, 1) * 1000

/** Whether a wall time was ever set. Only the year is judged here; `ClockTrust` knows more. */
export function clockSet(wallUs: number): boolean {
  return wallUs >= FIRST_PLAUSIBLE_US
}
