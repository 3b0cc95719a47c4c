/** Timers that kafkajs asked for: what it waits before a retry, and how many were of minus some ms. */
export interface Timers {
  readonly retryWaitsMs: number[]
  negative: number
}

/** Watches every timer of this process from now on; `restore` ends it. */
export function spyTimers(): Timers & { restore(): void } {
  const real = globalThis.setTimeout
  const seen: Timers = { retryWaitsMs: [], negative: 0 }
  const spy = (work: () => void, ms: number, ...args: []) => {
    if (ms < 0) seen.negative++
    if (/kafkajs\/src\/retry\//.test(new Error().stack ?? '')) seen.retryWaitsMs.push(ms)
    return real(work, ms, ...args)
  }
  globalThis.setTimeout = Object.assign(spy, real) as unknown as typeof real
  return Object.assign(seen, {
    restore: () => {
      globalThis.setTimeout = real
    },
  })
}
