import { askRaw, Refused } from './ask.ts'

const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 8_000
/** The agent sends something every ten seconds at least; longer silence is a dead connection. */
const SILENCE_MS = 25_000
/** More than the agent ever sends in one event. */
const MAX_EVENT_CHARS = 4_000_000

export interface Stream {
  close(): void
}

export type StreamState = 'opening' | 'open' | 'away'

/**
 * Follows a stream of server-sent events, and opens it again whenever it ends. (EventSource cannot send
 * a token.)
 */
export function follow<T>(
  path: string,
  query: Record<string, string | number | undefined>,
  take: (line: T) => void,
  state: (now: StreamState, error?: unknown) => void = () => {},
): Stream {
  const closed = new AbortController()
  void (async () => {
    let waitMs = RETRY_FIRST_MS
    while (!closed.signal.aborted) {
      let failure: unknown
      try {
        state('opening')
        await once(
          path,
          query,
          closed.signal,
          (line: T) => {
            waitMs = RETRY_FIRST_MS
            take(line)
          },
          () => state('open'),
        )
      } catch (error) {
        failure = error
      }
      if (closed.signal.aborted) return
      state('away', failure)
      if (failure instanceof Refused && failure.status === 404) return
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)
    }
  })()
  return { close: () => closed.abort() }
}

async function once<T>(
  path: string,
  query: Record<string, string | number | undefined>,
  closed: AbortSignal,
  take: (line: T) => void,
  opened: () => void,
): Promise<void> {
  const dead = new AbortController()
  let watch = setTimeout(() => dead.abort(), SILENCE_MS)
  try {
    const signal = AbortSignal.any([closed, dead.signal])
    const response = await askRaw(path, { query, signal })
    opened()
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      clearTimeout(watch)
      watch = setTimeout(() => dead.abort(), SILENCE_MS)
      text += value
      if (text.length > MAX_EVENT_CHARS) throw new Error('an event without an end')
      const events = text.split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const data = event.startsWith('data: ') ? event.slice(6) : ''
        if (data) take(JSON.parse(data) as T)
      }
    }
  } finally {
    clearTimeout(watch)
    dead.abort()
  }
}
