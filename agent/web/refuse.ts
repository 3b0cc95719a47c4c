import type { FastifyReply } from 'fastify'
import type { Complaint } from '../error.ts'
import type { Refusal } from './guard.ts'

/** What each refusal answers; the hint says what the caller or the operator can do. */
export const ANSWERS: Readonly<
  Record<Exclude<Refusal, 'slow' | 'connections'>, Complaint & { status: number }>
> = {
  host: {
    status: 421,
    code: 'WRONG_HOST',
    message: 'This agent is not known by the name in the address.',
    hint: 'Use its IP address, or add the name to web.hosts in the config.',
  },
  origin: {
    status: 403,
    code: 'WRONG_ORIGIN',
    message: 'The request was made by a page of another site.',
    hint: 'Open the page of the agent itself.',
  },
  token: {
    status: 401,
    code: 'TOKEN_NEEDED',
    message: 'A token is needed here.',
    hint: 'It stands on the gateway in the file that web.tokens names.',
  },
  role: {
    status: 403,
    code: 'DENIED',
    message: 'This changes something, and needs the operator token.',
    hint: 'Set web.tokens.operate in the config, or use the command line on the gateway.',
  },
  rate: {
    status: 429,
    code: 'TOO_MANY_REQUESTS',
    message: 'Too many requests in a short time.',
    hint: 'Wait ten seconds; web.maxRequestsPer10Sec is the bound.',
  },
  streams: {
    status: 503,
    code: 'TOO_MANY_STREAMS',
    message: 'Too many live views are open.',
    hint: 'Close other tabs with this page; web.maxStreams and web.maxStreamsPerClient are the bounds.',
  },
  path: { status: 400, code: 'BAD_PATH', message: 'No file or operation has such a path.' },
  body: {
    status: 413,
    code: 'BODY_TOO_LARGE',
    message: 'The body is larger than any operation needs.',
  },
  malformed: { status: 400, code: 'BAD_REQUEST', message: 'The request is not understood.' },
}

export function refuse(
  reply: FastifyReply,
  cause: keyof typeof ANSWERS,
  status?: number,
): FastifyReply {
  const { status: usual, ...complaint } = ANSWERS[cause]
  if (cause === 'token') reply.header('www-authenticate', 'Bearer realm="milepost"')
  return reply
    .code(status ?? usual)
    .type('application/json')
    .send(complaint)
}
