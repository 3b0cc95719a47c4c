import { type Signal, signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { Complaint } from '../../error.ts'
import { ask, complaintOf, Refused } from './ask.ts'

/** Something asked for again and again: the last answer stays while the agent is away. */
export interface Polled<T> {
  readonly data: T | undefined
  readonly error: Complaint | undefined
  /** The agent has no such operation: an older one, or one without that part. */
  readonly missing: boolean
}

const NOTHING: Polled<never> = { data: undefined, error: undefined, missing: false }
/** A page that nobody looks at asks so much more rarely. */
const HIDDEN_FACTOR = 10
/** Somebody else asks the same just now: soon again. */
const BUSY_MS = 1_000

export interface Poller {
  stop(): void
  /** Asks at once. */
  now(): void
}

/** Asks for `path` every `everyMs` from the end of the last answer on, until stopped. */
export function poll<T>(
  into: Signal<Polled<T>>,
  path: string,
  query: Record<string, string | number | undefined>,
  everyMs: number,
): Poller {
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false
  let asking = false
  const round = async (): Promise<void> => {
    if (asking || stopped) return
    asking = true
    let busy = false
    clearTimeout(timer)
    try {
      const data = await ask<T>(path, { query })
      if (!stopped) into.value = { data, error: undefined, missing: false }
    } catch (error) {
      const missing = error instanceof Refused && error.complaint.code === 'NO_SUCH_OPERATION'
      if (!stopped) into.value = { data: into.value.data, error: complaintOf(error), missing }
      busy = error instanceof Refused && error.status === 503
    }
    asking = false
    const usual = document.visibilityState === 'hidden' ? everyMs * HIDDEN_FACTOR : everyMs
    const wait = busy ? Math.min(usual, BUSY_MS) : usual
    if (!stopped) timer = setTimeout(round, wait)
  }
  const seen = (): void => {
    if (document.visibilityState === 'visible') void round()
  }
  document.addEventListener('visibilitychange', seen)
  void round()
  return {
    now: () => void round(),
    stop: () => {
      stopped = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    },
  }
}

/** `poll` for as long as a component is there. */
export function usePoll<T>(
  path: string,
  everyMs: number,
  query: Record<string, string | number | undefined> = {},
): Polled<T> & { again(): void } {
  const key = JSON.stringify(query)
  const into = useMemo(() => signal<Polled<T>>(NOTHING), [path, key])
  const holder = useMemo(() => ({ poller: undefined as Poller | undefined }), [])
  useEffect(() => {
    holder.poller = poll(into, path, JSON.parse(key), everyMs)
    return () => holder.poller?.stop()
  }, [into, path, key, everyMs])
  return { ...into.value, again: () => holder.poller?.now() }
}
