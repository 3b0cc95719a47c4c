import { readSecret, readText, type Secret } from '../secret.ts'

/** How to reach a broker: what the uplink and a relay have in common. */
export interface MqttConnection {
  /** `mqtt://host:1883`, or `mqtts://host:8883` for TLS. */
  readonly url: string
  readonly username?: string
  /** Never in the config itself; read anew for each connection. */
  readonly password?: Secret
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
  const [ca, cert, key] = await Promise.all(
    [tls.ca, tls.cert, tls.key].map((f) => f && readText(f)),
  )
  return {
    ...(username === undefined ? {} : { username }),
    ...(password ? { password: await readSecret(password) } : {}),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  }
}
