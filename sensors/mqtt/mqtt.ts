import { readFile } from 'node:fs/promises'
import type { IClientOptions, MqttClient } from 'mqtt'
import { SensorError } from '../errors.ts'
import { AddedNames } from '../lines/fields.ts'
import type { Sensor, SensorContext, SensorKind } from '../sensor.ts'
import { type MqttConfig, mqttConfig } from './config.ts'
import { failureOf } from './failure.ts'
import { MessageReader } from './payload.ts'

/** SUBACK codes from here on are refusals (MQTT 3.1.1, 3.9.3; MQTT 5, 3.9.2.1). */
const FIRST_REFUSAL = 0x80
/** Longest wait for the farewell to the broker. */
const CLOSE_TIMEOUT_MS = 1000

/** Values that others publish on an MQTT broker. */
export const mqtt: SensorKind<MqttConfig> = {
  kind: 'mqtt',
  config: mqttConfig,
  paths: ['tls.ca', 'tls.cert', 'tls.key', 'password.file'],
  create: (config) => new MqttSensor(config),
}

class MqttSensor implements Sensor {
  readonly #config: MqttConfig
  readonly #added = new AddedNames()

  constructor(config: MqttConfig) {
    this.#config = config
  }

  async run(context: SensorContext, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const options = await clientOptions(this.#config)
    // Loaded only here, so that a gateway without MQTT does not carry it.
    const { default: library } = await import('mqtt')
    if (signal.aborted) return
    const client = library.connect(this.#config.url, options)
    try {
      await this.#read(client, context, signal)
    } finally {
      await farewell(client)
    }
  }

  /** Settles when the signal aborts or the connection is no more. */
  #read(client: MqttClient, context: SensorContext, signal: AbortSignal): Promise<void> {
    const { url, topics, maxPayloadBytes } = this.#config
    const reader = new MessageReader(topics, maxPayloadBytes, context, this.#added)
    const passedOver = { retainedIgnored: 0, otherTopics: 0 }
    return new Promise((resolve, reject) => {
      let connected = false
      signal.addEventListener('abort', () => resolve(), { once: true })
      client.on('message', (topic, payload, { retain }) => {
        const taken = reader.take({ topic, payload, retained: retain }, context.clock.nowUs())
        if (taken === 'bad') context.dropped('parse_error', 1)
        if (taken === 'good' || taken === 'bad') return
        passedOver[taken === 'stale' ? 'retainedIgnored' : 'otherTopics']++
        context.device({ ...passedOver })
      })
      client.on('error', (error) => reject(failureOf(url, error)))
      client.on('close', () => {
        if (connected) reject(lossOf(url))
        else reject(failureOf(url, new Error('the connection was closed before it was open')))
      })
      client.on('connect', () => {
        connected = true
        this.#subscribe(client).then(() => context.opened(), reject)
      })
    })
  }

  async #subscribe(client: MqttClient): Promise<void> {
    const { topics, url } = this.#config
    const wanted = Object.fromEntries(topics.map(({ topic, qos }) => [topic, { qos }]))
    let refused: string[]
    try {
      const granted = await client.subscribeAsync(wanted)
      refused = granted.filter(({ qos }) => qos >= FIRST_REFUSAL).map(({ topic }) => topic)
    } catch (cause) {
      // The library rejects where any of them was refused, and does not say which.
      const packet = (cause as { packet?: { granted?: number[] } }).packet
      if (!packet) throw client.connected ? failureOf(url, cause as Error) : lossOf(url)
      const names = Object.keys(wanted)
      refused = names.filter((_, i) => (packet.granted?.[i] ?? FIRST_REFUSAL) >= FIRST_REFUSAL)
    }
    if (refused.length === 0) return
    throw new SensorError(
      'DEVICE_DENIED',
      `The broker does not let us read ${refused.join(', ')}.`,
      {
        hint: 'Give this user the right to read these topics in the broker’s ACL.',
      },
    )
  }
}

function lossOf(url: string): SensorError {
  return new SensorError('DEVICE_LOST', `The connection to ${new URL(url).host} is gone.`, {
    hint: 'It is opened again by itself; if it goes again and again, look for a second client with the same clientId.',
  })
}

async function clientOptions(config: MqttConfig): Promise<IClientOptions> {
  const { tls = {} } = config
  const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map((f) => f && pem(f)))
  return {
    protocolVersion: config.version === '5' ? 5 : 4,
    clean: true,
    // Opening again is the supervisor's.
    reconnectPeriod: 0,
    keepalive: config.keepAliveSec,
    connectTimeout: config.connectTimeoutMs,
    ...(config.clientId ? { clientId: config.clientId } : {}),
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password ? { password: await secret(config.password) } : {}),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  }
}

async function secret(from: { file: string } | { env: string }): Promise<string> {
  if ('file' in from) return (await pem(from.file)).trimEnd()
  const value = process.env[from.env]
  if (value !== undefined) return value
  throw new SensorError('DEVICE_DENIED', `The environment has no variable ${from.env}.`, {
    hint: `Set ${from.env} for the service, or name a file that holds the password.`,
  })
}

async function pem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new SensorError('DEVICE_DENIED', `Cannot read ${file}: ${(cause as Error).message}`, {
      cause,
      hint: 'Check the path and that the user of the agent may read it.',
    })
  }
}

/** Says goodbye, and then closes whatever is left. Never rejects. */
async function farewell(client: MqttClient): Promise<void> {
  // What a dying connection still has to say is no news any more, but without an ear it would throw.
  client.removeAllListeners('close').on('error', () => {})
  let timer: NodeJS.Timeout | undefined
  const slow = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
  })
  if (client.connected) await Promise.race([client.endAsync().catch(() => {}), slow])
  clearTimeout(timer)
  client.end(true)
}
