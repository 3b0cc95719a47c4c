import type { z } from 'zod'
import { AgentError, complaintOf } from '../error.ts'
import { isStream } from './content.ts'
import type { Actor, Operation } from './operation.ts'

/** Streams open at a time, over all doors. */
export const MAX_STREAMS = 24
/** Characters of a call that its record keeps. */
const MAX_RECORDED_CHARS = 4_000

/** What a door knows of a request. */
export interface Request {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** The body as it came; undefined or empty for none. */
  readonly body?: string
  readonly signal: AbortSignal
  readonly actor: Actor
}

export type { Actor } from './operation.ts'

/**
 * Everything that can be asked of this agent. The doors (`control`, `web`) hand requests in; whether
 * one may be answered, and what it leaves behind, is decided here alone.
 */
export class Api {
  readonly #operations = new Map<string, Operation>()
  readonly #tell: (content: Record<string, unknown>) => void
  #streams = 0
  #complete = false

  /** @param tell keeps the record of an operation that changed something */
  constructor(tell: (content: Record<string, unknown>) => void) {
    this.#tell = tell
  }

  add(...operations: readonly Operation[]): void {
    for (const operation of operations) {
      const key = `${operation.method} ${operation.path}`
      // A GET may be sent by a mere link: it must not change anything.
      if (operation.role === 'operate' && operation.method !== 'POST') {
        throw new RangeError(`${key} changes something: expected POST`)
      }
      if (this.#operations.has(key)) throw new RangeError(`${key} is there already`)
      this.#operations.set(key, operation)
    }
  }

  /** All parts have added theirs: what is not known now is not known. */
  complete(): void {
    this.#complete = true
  }

  /** For a door that routes by itself. */
  operations(): readonly Operation[] {
    return [...this.#operations.values()]
  }

  get streams(): number {
    return this.#streams
  }

  /**
   * Answers a request: something for JSON, a stream of what becomes JSON lines, or `Content`. Throws
   * an `AgentError`; `statusOf` has the HTTP status of it.
   */
  async call(request: Request): Promise<unknown> {
    const operation = this.#find(request)
    const { actor, signal } = request
    if (operation.role === 'operate' && actor.role !== 'operate') {
      throw new AgentError('DENIED', `${actor.who} may look, but not ${operation.summary}.`, {
        hint: 'Use a token with the role operate, or the command line on the gateway.',
      })
    }
    const query = checked(operation.query, Object.fromEntries(request.query), 'query')
    const body = checked(operation.body, jsonOf(request.body), 'body')
    if (operation.role !== 'operate') {
      const answer = await operation.answer({ query, body, signal, actor })
      return isStream(answer) ? this.#counted(answer) : answer
    }
    const told = recordOf(
      operation,
      actor,
      operation.recorded?.({ query, body }) ?? { query, body },
    )
    this.#tell({ ...told, phase: 'begun' })
    try {
      const answer = await operation.answer({ query, body, signal, actor })
      if (isStream(answer)) return this.#recorded(this.#counted(answer), told)
      this.#tell({ ...told, phase: 'done' })
      return answer
    } catch (error) {
      this.#tell({ ...told, phase: 'failed', error: complaintOf(error) })
      throw error
    }
  }

  #find({ method, path }: Request): Operation {
    const found = this.#operations.get(`${method} ${path}`)
    if (found) return found
    if (!this.#complete) {
      throw new AgentError('AGENT_STARTING', 'The agent is only just starting; ask again.')
    }
    throw new AgentError('NO_SUCH_OPERATION', `Nothing answers to ${method} ${path}.`, {
      hint: 'GET /operations lists what does; agent and command may be of different versions.',
    })
  }

  #counted(lines: AsyncIterable<unknown>): AsyncIterable<unknown> {
    if (this.#streams >= MAX_STREAMS) {
      void lines[Symbol.asyncIterator]().return?.()
      throw new AgentError('BUSY', `${MAX_STREAMS} live views are open already.`, {
        hint: 'Close one of them (a browser tab, a "milepost watch") and try again.',
      })
    }
    this.#streams++
    let open = true
    const closed = (): void => {
      if (open) this.#streams--
      open = false
    }
    const inner = lines[Symbol.asyncIterator]()
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          try {
            const step = await inner.next()
            if (step.done) closed()
            return step
          } catch (error) {
            closed()
            throw error
          }
        },
        return: async () => {
          closed()
          await inner.return?.()
          return { done: true, value: undefined }
        },
      }),
    }
  }

  async *#recorded(
    lines: AsyncIterable<unknown>,
    told: Record<string, unknown>,
  ): AsyncGenerator<unknown> {
    let phase = 'abandoned'
    try {
      yield* lines
      phase = 'done'
    } catch (error) {
      this.#tell({ ...told, phase: 'failed', error: complaintOf(error) })
      phase = ''
      throw error
    } finally {
      if (phase) this.#tell({ ...told, phase })
    }
  }
}

/** HTTP status of an error, by its code. */
export function statusOf(error: unknown): number {
  const { code } = complaintOf(error)
  return STATUSES[code] ?? 500
}

const STATUSES: Readonly<Record<string, number | undefined>> = {
  BAD_REQUEST: 400,
  DENIED: 403,
  SEND_DENIED: 403,
  NO_SUCH_OPERATION: 404,
  NOT_FOUND: 404,
  BUSY: 503,
  AGENT_STARTING: 503,
  DEVICE_LOST: 503,
}

function checked(schema: z.ZodType | undefined, given: unknown, what: string): unknown {
  if (!schema) return undefined
  const result = schema.safeParse(given ?? {})
  if (result.success) return result.data
  const problems = result.error.issues.map(({ path, message }) => {
    const at = path.map(String).join('.')
    return at ? `${at}: ${message}` : message
  })
  throw new AgentError('BAD_REQUEST', `The ${what} is not understood: ${problems.join('; ')}`, {
    hint: 'GET /operations tells what each operation takes.',
  })
}

function jsonOf(body: string | undefined): unknown {
  if (!body) return undefined
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new AgentError('BAD_REQUEST', 'The body is not JSON.', { cause })
  }
}

function recordOf(
  { method, path, summary }: Operation,
  { via, who }: Actor,
  call: Record<string, unknown>,
): Record<string, unknown> {
  const text = JSON.stringify(call) ?? '{}'
  const kept =
    text.length > MAX_RECORDED_CHARS ? { cutAfter: text.slice(0, MAX_RECORDED_CHARS) } : call
  return { operation: `${method} ${path}`, summary, who, via, call: kept }
}
