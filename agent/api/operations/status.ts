import { z } from 'zod'
import { nameMatcher } from '../../collection/match.ts'
import type { AgentStatus, SignalNow } from '../../status.ts'
import { VERSION } from '../../status.ts'
import type { Api } from '../api.ts'
import { type Operation, operation } from '../operation.ts'

const MAX_GLOB_CHARS = 200

/** What can be asked from the first moment on. */
export function statusOperations(
  api: Api,
  agent: { status(): AgentStatus; signals(): SignalNow[] },
): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/status',
      role: 'read',
      summary: 'show what the agent is doing: sensors, decoding, models, outbox, uplink, parts',
      answer: () => agent.status(),
    }),
    operation({
      method: 'GET',
      path: '/signals',
      role: 'read',
      summary: 'show the latest reading of every signal whose name matches',
      query: z.strictObject({ match: z.string().max(MAX_GLOB_CHARS).default('*') }),
      answer: ({ query }) => {
        const matches = nameMatcher([query.match])
        return agent.signals().filter(({ name }) => matches(name))
      },
    }),
    operation({
      method: 'GET',
      path: '/operations',
      role: 'read',
      summary: 'list every operation with its parameters',
      answer: () => ({ version: VERSION, operations: api.operations().map(describe) }),
    }),
  ]
}

/** An operation as the reference shows it. */
export interface OperationDescription {
  readonly method: string
  readonly path: string
  readonly role: string
  readonly summary: string
  /** JSON Schema of the parameters, and of the body. */
  readonly query?: unknown
  readonly body?: unknown
}

export function describe(operation: Operation): OperationDescription {
  const { method, path, role, summary, query, body } = operation
  const schema = (of: z.ZodType): unknown =>
    z.toJSONSchema(of, { io: 'input', unrepresentable: 'any' })
  return {
    method,
    path,
    role,
    summary,
    ...(query ? { query: schema(query) } : {}),
    ...(body ? { body: schema(body) } : {}),
  }
}
