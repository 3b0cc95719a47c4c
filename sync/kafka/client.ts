import type { Kafka, KafkaConfig, SASLOptions } from 'kafkajs'
import { readSecret, readText, type Secret } from '../secret.ts'
import { kafkajs } from './fence.ts'
import { oauthBearer } from './oauth.ts'
import { Sockets } from './sockets.ts'

export interface PasswordLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: Secret
}

/** A token (RFC 7628) that another program keeps fresh; it is read anew at each connection. */
export interface TokenLogin {
  readonly mechanism: 'oauthbearer'
  readonly token: Secret
}

/** How to reach a cluster: what uplink, history and administration have in common. */
export interface KafkaConnection {
  /** `host:port`, any of the cluster's brokers. */
  readonly brokers: readonly string[]
  readonly clientId?: string
  readonly sasl?: PasswordLogin | TokenLogin
  /** Files in PEM; an empty object trusts the system's certificates. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** Longest time to open a connection, TLS included. */
  readonly connectTimeoutMs?: number
  /** Longest time that a broker may take to answer one request. */
  readonly requestTimeoutMs?: number
}

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000
const DEFAULT_REQUEST_TIMEOUT_MS = 15_000
/** kafkajs tries a few times on its own; more patience belongs to the caller, who can be told. */
const CLUSTER_RETRY = { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 }

/** A client of kafkajs and all the sockets that it opened. */
export interface Client {
  readonly kafka: Kafka
  readonly sockets: Sockets
}

/** Makes a client; connects nothing yet. Rejects with `UPLINK_DENIED` where a secret is missing. */
export async function createClient(connection: KafkaConnection): Promise<Client> {
  const sockets = new Sockets()
  return { kafka: new kafkajs.Kafka(await clientConfig(connection, sockets)), sockets }
}

/** The config of kafkajs: silent, bounded, its sockets ours. Secrets are read anew at each call. */
export async function clientConfig(
  connection: KafkaConnection,
  sockets: Sockets,
): Promise<KafkaConfig & { brokers: string[] }> {
  return {
    brokers: [...connection.brokers],
    clientId: connection.clientId ?? 'milepost',
    ssl: await tlsOptions(connection),
    sasl: await saslOptions(connection),
    connectionTimeout: connection.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    authenticationTimeout: connection.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    requestTimeout: connection.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
    retry: CLUSTER_RETRY,
    socketFactory: sockets.factory,
    // What matters is thrown; the agent logs.
    logLevel: kafkajs.logLevel.NOTHING,
    logCreator: () => () => {},
  }
}

async function tlsOptions({ tls }: KafkaConnection): Promise<KafkaConfig['ssl']> {
  if (!tls) return undefined
  const [ca, cert, key] = await Promise.all(
    [tls.ca, tls.cert, tls.key].map((file) => file && readText(file)),
  )
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  }
}

async function saslOptions({ sasl }: KafkaConnection): Promise<SASLOptions | undefined> {
  if (!sasl) return undefined
  if (sasl.mechanism === 'oauthbearer') {
    const { token } = sasl
    // Told now that it is missing, and not as a broker that does not let us in.
    await readSecret(token)
    return oauthBearer(() => readSecret(token))
  }
  const { mechanism, username } = sasl
  return { mechanism, username, password: await readSecret(sasl.password) } as SASLOptions
}
