import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { complaintOf } from '../error.ts'
import { statusOf } from './api.ts'
import { Content, isStream } from './content.ts'

/** A line of an idle stream, so that a reader who has gone is noticed. */
const KEEP_ALIVE_MS = 15_000

/**
 * Writes what `Api.call` answered as HTTP. A stream goes out as JSON lines, each when it comes, no
 * faster than the reader takes them; it ends when the reader goes.
 */
export async function writeAnswer(response: ServerResponse, answer: unknown): Promise<void> {
  if (answer instanceof Content) return writeContent(response, answer)
  if (isStream(answer)) return writeLines(response, answer)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(answer ?? {})}\n`)
}

/** Writes an error with the status that its code stands for. */
export function writeError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(statusOf(error), { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(complaintOf(error))}\n`)
}

async function writeContent(response: ServerResponse, content: Content): Promise<void> {
  const { type, data, status, fileName } = content
  response.writeHead(status, {
    'content-type': type,
    ...(fileName ? { 'content-disposition': `attachment; filename="${fileName}"` } : {}),
  })
  if (typeof data === 'string' || data instanceof Uint8Array) return void response.end(data)
  for await (const chunk of data) {
    if (response.destroyed) break
    if (!response.write(chunk)) await drained(response)
  }
  response.end()
}

async function writeLines(response: ServerResponse, lines: AsyncIterable<unknown>): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  response.flushHeaders()
  const alive = setInterval(() => {
    if (response.writableLength === 0) response.write('\n')
  }, KEEP_ALIVE_MS)
  try {
    for await (const line of lines) {
      if (response.destroyed) break
      if (!response.write(`${JSON.stringify(line)}\n`)) await drained(response)
    }
  } catch (error) {
    // The status has gone out already: the last line tells.
    if (!response.destroyed) response.write(`${JSON.stringify({ error: complaintOf(error) })}\n`)
  } finally {
    clearInterval(alive)
    response.end()
  }
}

/** Until the reader has taken what is buffered, or has gone. */
async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return
  const over = new AbortController()
  const { signal } = over
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })])
  } catch {
    // An error of the socket ends with its close.
  } finally {
    over.abort()
  }
}
