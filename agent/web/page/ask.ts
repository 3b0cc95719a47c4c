import { signal } from '@preact/signals'
import type { Complaint } from '../../error.ts'

/** Kept for this tab alone, and only until it is closed. */
const TOKEN_KEY = 'milepost.token'
const TIMEOUT_MS = 15_000

/** The agent wants a token that was not given, or was wrong. */
export const tokenAsked = signal<'no' | 'yes' | 'again'>('no')

let token = sessionStorage.getItem(TOKEN_KEY) ?? ''

/** An answer that says why not. */
export class Refused extends Error {
  readonly complaint: Complaint
  readonly status: number

  constructor(status: number, complaint: Complaint) {
    super(complaint.message)
    this.status = status
    this.complaint = complaint
  }
}

export function useToken(given: string): void {
  token = given.trim()
  sessionStorage.setItem(TOKEN_KEY, token)
  tokenAsked.value = 'no'
}

export interface Asked {
  readonly method?: 'GET' | 'POST'
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** Asks the agent; the answer as it came. Throws `Refused` where it says no, `TypeError` where none is there. */
export async function askRaw(path: string, asked: Asked = {}): Promise<Response> {
  const { method = 'GET', query = {}, body, signal } = asked
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString()
  const response = await fetch(`api${path}${text ? `?${text}` : ''}`, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  })
  if (response.ok) return response
  if (response.status === 401) tokenAsked.value = token ? 'again' : 'yes'
  const complaint = (await response.json().catch(() => undefined)) as Complaint | undefined
  throw new Refused(
    response.status,
    complaint?.message
      ? complaint
      : { code: `HTTP_${response.status}`, message: `The agent answered ${response.status}.` },
  )
}

/** Asks the agent for JSON. */
export async function ask<T>(path: string, asked: Asked = {}): Promise<T> {
  const limit = AbortSignal.timeout(TIMEOUT_MS)
  const signal = asked.signal ? AbortSignal.any([asked.signal, limit]) : limit
  return (await askRaw(path, { ...asked, signal })).json() as Promise<T>
}

/** What any failure of `ask` says to a person. */
export function complaintOf(error: unknown): Complaint {
  if (error instanceof Refused) return error.complaint
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError'
  return {
    code: 'AGENT_AWAY',
    message: timedOut ? 'The agent takes too long to answer.' : 'The agent does not answer.',
    hint: 'Look whether it runs (systemctl status milepost) and whether this device is still in its network. This page goes on by itself.',
  }
}
