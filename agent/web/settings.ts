import { isIP } from 'node:net'
import { z } from 'zod'

const secret = z.union([z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })])

/** Where the page is when the config does not say: reached from this machine alone. */
const DEFAULT_LISTEN = '127.0.0.1:8080'

/** The keys of `web` that name files. */
export const WEB_PATHS = ['tls.cert', 'tls.key', 'tokens.read.file', 'tokens.operate.file'] as const

/** The section `web:` of the config. Beyond loopback nothing is served without TLS and a token. */
export const webSettings = z
  .strictObject({
    /** An address of this machine and a port; 0.0.0.0 or [::] for all of them. */
    listen: z
      .string()
      .refine(
        (text) => addressOf(text) !== undefined,
        'expected an IP address and a port, as 127.0.0.1:8080',
      )
      .default(DEFAULT_LISTEN),
    /** Names by which a browser may call this agent, besides its address. */
    hosts: z
      .array(z.string().regex(/^[A-Za-z0-9.-]{1,253}$/, 'expected a host name without a port'))
      .max(16)
      .default([]),
    tls: z.strictObject({ cert: z.string(), key: z.string() }).optional(),
    tokens: z
      .strictObject({
        /** Lets its bearer look. */
        read: secret.optional(),
        /** Lets its bearer look, and do what changes the vehicle or the agent. */
        operate: secret.optional(),
      })
      .default({}),
    /** Most streams of live values at one time, and of one client; the socket keeps some for itself. */
    maxStreams: z.number().int().min(1).max(20).default(16),
    maxStreamsPerClient: z.number().int().min(1).max(20).default(8),
    /** Most requests of one client in ten seconds. */
    maxRequestsPer10Sec: z.number().int().min(10).max(100_000).default(200),
  })
  .superRefine((web, context) => {
    const { host } = addressOf(web.listen) ?? { host: '' }
    if (host === '' || isLoopback(host)) return
    const missing = [
      ...(web.tls ? [] : ['tls: { cert, key }']),
      ...(web.tokens.read || web.tokens.operate ? [] : ['tokens: { read: { file } }']),
    ]
    if (missing.length === 0) return
    context.addIssue({
      code: 'custom',
      path: ['listen'],
      message: `${host} can be reached from other machines: expected web.${missing.join(' and web.')}; or listen: ${DEFAULT_LISTEN}, and come by "ssh -L 8080:${DEFAULT_LISTEN}"`,
    })
  })

export type WebSettings = z.infer<typeof webSettings>

/** Host and port of `127.0.0.1:8080` or `[::1]:8080`; undefined where it is neither. */
export function addressOf(listen: string): { host: string; port: number } | undefined {
  const found = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(listen)
  const host = found?.[1] ?? found?.[2] ?? ''
  const port = Number(found?.[3])
  return isIP(host) && port <= 65_535 ? { host, port } : undefined
}

/** RFC 1122 §3.2.1.3 and RFC 4291 §2.5.3; an IPv4 address may stand in an IPv6 one. */
export function isLoopback(address: string): boolean {
  // Not by its beginning alone: 127.0.0.1.example.org is a name, and anybody's.
  return address === '::1' || (isIP(address) !== 0 && /^(?:::ffff:)?127\./i.test(address))
}
