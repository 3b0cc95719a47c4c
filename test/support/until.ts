import { setTimeout as sleep } from 'node:timers/promises'

/** Far more than a loaded machine needs; what has not come by then does not come. */
const LIMIT_MS = 60_000
const LOOK_MS = 20

/**
 * Looks again and again until `look` gives something other than undefined and false, and returns that.
 * Rejects, saying what was waited for, when it does not come.
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const endMs = performance.now() + LIMIT_MS
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`)
    await sleep(LOOK_MS)
  }
}
