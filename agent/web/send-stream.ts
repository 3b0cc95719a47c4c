import type { ServerResponse } from 'node:http'
import { complaintOf } from '../error.ts'
import { LIMITS } from './limits.ts'

/**
 * Sends lines as server-sent events (HTML Living Standard §9.2), no faster than they are taken. Ends when
 * the lines do, when the reader goes, or when it has taken nothing for `stallMs`. True where it stalled.
 */
export async function sendEvents(
  response: ServerResponse,
  lines: AsyncIterable<unknown>,
): Promise<boolean> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  response.flushHeaders()
  const alive = setInterval(() => {
    if (response.writableLength === 0) response.write(':\n\n')
  }, LIMITS.keepAliveEveryMs)
  let stalled = false
  try {
    for await (const line of lines) {
      if (response.destroyed) break
      if (response.write(`data: ${JSON.stringify(line)}\n\n`)) continue
      if (await takes(response)) continue
      stalled = !response.destroyed
      break
    }
  } catch (error) {
    if (!response.destroyed) {
      response.write(`event: failed\ndata: ${JSON.stringify(complaintOf(error))}\n\n`)
    }
  } finally {
    clearInterval(alive)
    if (stalled) response.destroy()
    else response.end()
  }
  return stalled
}

/** True once the reader has taken what waits; false where it has gone or takes nothing. */
export function takes(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (taken: boolean): void => {
      clearTimeout(timer)
      response.off('drain', drained)
      response.off('close', gone)
      resolve(taken)
    }
    const drained = (): void => settle(true)
    const gone = (): void => settle(false)
    const timer = setTimeout(gone, LIMITS.stallMs)
    if (response.destroyed) return settle(false)
    response.once('drain', drained)
    response.once('close', gone)
  })
}
