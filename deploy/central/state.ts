import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a data directory keeps between starts, so that addresses in clients' configs stay true. */
export interface State {
  /** Kafka's cluster id: 16 bytes in URL-safe base64. */
  readonly clusterId: string
  readonly kafkaPort?: number
  readonly controllerPort?: number
  readonly s3Port?: number
  /** Keys of the S3 server; made here and good for nothing else. */
  readonly accessKey: string
  readonly secretKey: string
}

const FILE = 'central.json'

export async function readState(dataDir: string): Promise<State> {
  try {
    return JSON.parse(await readFile(join(dataDir, FILE), 'utf8')) as State
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return {
      clusterId: clusterId(),
      accessKey: 'milepost',
      secretKey: randomBytes(24).toString('base64url'),
    }
  }
}

export async function writeState(dataDir: string, state: State): Promise<void> {
  const path = join(dataDir, FILE)
  await writeFile(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** A leading dash would be taken for an option by Kafka's tools. */
function clusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
