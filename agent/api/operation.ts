import type { z } from 'zod'
import type { Content } from './content.ts'

/** `read`: looks. `operate`: changes the vehicle or the agent, and leaves a record. */
export type Role = 'read' | 'operate'

/** Who calls, as the door they came through found out. */
export interface Actor {
  /** The door: the Unix socket, or HTTP from a browser. */
  readonly via: 'socket' | 'http'
  /** A name for the record: `uid 1000`, or the name of a token. */
  readonly who: string
  /** The most that this caller may do. */
  readonly role: Role
}

/** What an operation is called with; query and body have passed its schemas. */
export interface Call<Query = unknown, Body = unknown> {
  readonly query: Query
  readonly body: Body
  /** Aborts when the caller has gone, or the agent stops. */
  readonly signal: AbortSignal
  readonly actor: Actor
}

/**
 * Something that can be asked of a running agent, over the Unix socket and, where the config opens it,
 * over HTTP. It is described here and nowhere else: help and reference are made of this.
 */
export interface Operation<Query = unknown, Body = unknown> {
  readonly method: 'GET' | 'POST'
  /** Begins with `/`, without parameters in it: `/history`. */
  readonly path: string
  readonly role: Role
  /** One line for the reference: what it answers or does. */
  readonly summary: string
  /** Parameters after the `?`, all text; without a schema none are taken. */
  readonly query?: z.ZodType<Query>
  /** JSON in the body of a POST; without a schema none is taken. */
  readonly body?: z.ZodType<Body>
  /** What of the call goes into the record of an `operate`; without it, query and body. */
  recorded?(call: { query: Query; body: Body }): Record<string, unknown>
  /**
   * Answers something for JSON, a stream that is sent as JSON lines, or `Content` of another type.
   * An `AgentError` it throws is told to the caller with its hint.
   */
  answer(
    call: Call<Query, Body>,
  ): unknown | Promise<unknown> | AsyncIterable<unknown> | Content | Promise<Content>
}

/** Keeps the types of query and body together while an operation is written. */
export function operation<Query = unknown, Body = unknown>(
  described: Operation<Query, Body>,
): Operation {
  return described as unknown as Operation
}
