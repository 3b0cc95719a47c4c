import { EXIT } from './output.ts'

/**
 * Aborts at the first SIGINT or SIGTERM; the second ends the process at once. To be called before
 * anything is opened, so that a stop is a clean one at every time.
 */
export function stopAsked(tell: (signal: NodeJS.Signals) => void = () => {}): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT.interrupted)
      tell(signal)
      stop.abort()
    })
  }
  return stop.signal
}
