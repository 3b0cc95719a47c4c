import { readFile } from 'node:fs/promises'
import { SyncError } from '../errors.ts'

/** How to reach a broker: what the uplink and a relay have in common. */
export interface MqttConnection {
  /** `mqtt://host:1883`, or `mqtts://host:8883` for TLS. */
  readonly url: string
  readonly username?: string
  /** Never in the config itself; read anew for each connection. */
  readonly password?: { readonly file: string } | { readonly env: string }
  /** Files in PEM. Without `ca` the system's authorities are trusted. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** First level of all topics; default `milepost`. */
  readonly prefix?: string
  readonly keepAliveSec?: number
  readonly connectTimeoutMs?: number
}

export const DEFAULT_KEEP_ALIVE_SEC = 30
export const DEFAULT_CONNECT_TIMEOUT_MS = 10_000

/** Who we are to the broker. */
export interface Credentials {
  readonly username?: string
  readonly password?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Reads secrets and certificates. Rejects with `UPLINK_DENIED` where one is missing. */
export async function readCredentials(connection: MqttConnection): Promise<Credentials> {
  const { username, password, tls = {} } = connection
  const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map((f) => f && file(f)))
  return {
    ...(username === undefined ? {} : { username }),
    ...(password ? { password: await secret(password) } : {}),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  }
}

async function secret(from: { file: string } | { env: string }): Promise<string> {
  if ('file' in from) return (await file(from.file)).trimEnd()
  const value = process.env[from.env]
  if (value !== undefined) return value
  throw new SyncError('UPLINK_DENIED', `The environment has no variable ${from.env}`, {
    hint: `Set ${from.env} for the service, or name a file that holds the secret.`,
  })
}

async function file(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new SyncError('UPLINK_DENIED', `Cannot read ${path}`, {
      cause,
      hint: 'Check that the file is there and that the user of the service may read it.',
    })
  }
}
