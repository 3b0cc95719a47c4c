/** The seed of every fuzz test; `npm run test:fuzz -- --seed N` sets another. */
export const SEED = Number(process.env.MILEPOST_FUZZ_SEED ?? 20_261_123)

/** How often a fuzz test tries: `short` in `npm test`, `full` in `npm run test:fuzz`. */
export function tries(short: number, full: number): number {
  return process.env.MILEPOST_FUZZ === 'full' ? full : short
}
