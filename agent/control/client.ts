import { type IncomingMessage, request } from 'node:http'
import { AgentError, type AgentErrorCode, type Complaint } from '../error.ts'

/** One that is gone refuses at once; one on a starved machine may need seconds. */
const TIMEOUT_MS = 10_000
/** Longest line of a stream. */
const MAX_LINE_CHARS = 4 << 20

/** What a call carries besides its path. */
export interface AskOptions {
  /** JSON for the body of a POST. */
  readonly body?: unknown
  /** How long the agent may be silent. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/**
 * Asks the agent that listens at `socketPath`. Throws `AGENT_DOWN` where none answers, and what the
 * agent says where it refuses.
 */
export async function ask<T>(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  options: AskOptions = {},
): Promise<T> {
  const response = await connected(socketPath, method, path, options)
  return (await jsonOf(socketPath, response)) as T
}

/** The lines of an operation that streams, each when it comes; ends when `signal` aborts. */
export async function* askLines<T>(
  socketPath: string,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<T> {
  const response = await connected(socketPath, 'GET', path, { signal, timeoutMs: 0 })
  let rest = ''
  try {
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > MAX_LINE_CHARS) throw downError(socketPath, new Error('an endless line'))
      for (const line of lines) if (line) yield JSON.parse(line) as T
    }
  } catch (error) {
    if (!signal?.aborted) throw downError(socketPath, error as Error)
  } finally {
    response.destroy()
  }
}

/** Whether an agent answers; throws `SOCKET_DENIED` where this user cannot find out. */
export async function isAnswering(socketPath: string): Promise<boolean> {
  try {
    await ask(socketPath, 'GET', '/status')
    return true
  } catch (error) {
    if ((error as AgentError).code === 'SOCKET_DENIED') throw error
    return (error as AgentError).code !== 'AGENT_DOWN'
  }
}

function connected(
  socketPath: string,
  method: string,
  path: string,
  { body, timeoutMs = TIMEOUT_MS, signal }: AskOptions,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const down = (cause: Error): void => reject(downError(socketPath, cause))
    const call = request(
      { socketPath, method, path, timeout: timeoutMs, ...(signal ? { signal } : {}) },
      (response) => {
        if (response.statusCode === 200) return resolve(response)
        jsonOf(socketPath, response).then((told) => reject(toldError(told as Complaint)), reject)
      },
    )
    call.on('error', down)
    call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

async function jsonOf(socketPath: string, response: IncomingMessage): Promise<unknown> {
  try {
    let text = ''
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) text += chunk
    return JSON.parse(text)
  } catch (error) {
    throw downError(socketPath, error as Error)
  }
}

function toldError({ code, message, hint }: Complaint): AgentError {
  return new AgentError(code as AgentErrorCode, message, { hint })
}

function downError(socketPath: string, cause: Error): AgentError {
  const denied = (cause as NodeJS.ErrnoException).code === 'EACCES'
  if (denied) {
    return new AgentError(
      'SOCKET_DENIED',
      `This user may not talk to the agent: ${cause.message}`,
      {
        cause,
        hint: 'Join its group ("sudo usermod -aG milepost $USER", then log in again), or use sudo.',
      },
    )
  }
  return new AgentError('AGENT_DOWN', `No agent answers on ${socketPath}: ${cause.message}`, {
    cause,
    hint: 'Start it with "milepost run -c FILE", or name the right config with -c.',
  })
}
