import { SyncError } from '../errors.ts'

/**
 * Waits for a call of kafkajs for at most so long. What comes of the call later is of no interest
 * any more, least of all as an unhandled rejection.
 */
export async function bounded<T>(call: Promise<T>, limitMs: number, doing: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const hint =
        'The broker is reached but does not answer: check the link, and the broker itself.'
      reject(new SyncError('UPLINK_OFFLINE', `${doing}: no answer in ${limitMs} ms`, { hint }))
    }, limitMs)
  })
  call.catch(() => {})
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The same, where neither success nor failure matters: for letting go. */
export async function attempt(call: Promise<unknown>, limitMs: number): Promise<void> {
  await bounded(call, limitMs, '').catch(() => {})
}
