import type { Clock } from './sensor.ts'

/** Longest real sleep between two looks at the clock, so that a clock in a test's hands works. */
const MAX_SLEEP_MS = 50

/** Sleeps; resolves at once when the signal aborts, never rejects. 0 waits for the signal alone. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = ms > 0 ? setTimeout(done, ms) : undefined
    signal.addEventListener('abort', done)
  })
}

/** Waits until the clock's monotonic time reaches `monoUs`, or the signal aborts. */
export async function waitUntil(clock: Clock, monoUs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const restMs = (monoUs - clock.monoUs()) / 1000
    if (restMs <= 0 || signal.aborted) return
    await pause(Math.min(Math.max(restMs, 1), MAX_SLEEP_MS), signal)
  }
}

/**
 * A controller whose signal aborts with `outer` too. Whoever makes one aborts it when its work is over:
 * `outer` lives as long as the process, and holds it until then. `AbortSignal.any` would never be let go:
 * on Node.js 20 `outer` keeps a note of each one that was ever made (70 bytes), and one that somebody
 * still listens to stays, with all that its listener knows (a serial port: 64 KiB).
 */
export function stopUnder(outer: AbortSignal): AbortController {
  const own = new AbortController()
  if (outer.aborted) {
    own.abort(outer.reason)
    return own
  }
  const pass = (): void => own.abort(outer.reason)
  outer.addEventListener('abort', pass, { once: true })
  own.signal.addEventListener('abort', () => outer.removeEventListener('abort', pass), {
    once: true,
  })
  return own
}

/** So much more time do answers get that have come in but were not read yet. */
export const GRACE_MS = 25

/**
 * Calls back after a time-out, but not before what arrived meanwhile was read: a process that stood
 * still for longer than the time-out sees its timers run out first, and then the answers.
 * @returns what takes the time-out back
 */
export function timeOut(ms: number, over: () => void): () => void {
  let timer = setTimeout(() => {
    timer = setTimeout(over, GRACE_MS)
  }, ms)
  return () => clearTimeout(timer)
}
