import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Artifacts } from './artifacts.ts'
import { CentralError } from './errors.ts'
import { CENTRAL_HOME } from './home.ts'
import { Jvm, tail } from './jvm.ts'

const START_LIMIT_MS = 60_000
const POLL_MS = 50
const GRACE_SEC = 5
export const BUCKET = 'milepost'

export interface ObjectStoreOptions {
  readonly java: string
  readonly artifacts: Artifacts
  readonly dataDir: string
  readonly port: number
  readonly accessKey: string
  readonly secretKey: string
}

export interface StoredObject {
  readonly key: string
  readonly bytes: number
}

/** Starts s3proxy over a folder of the data directory; resolves once it answers. */
export async function startObjectStore(options: ObjectStoreOptions): Promise<Jvm> {
  const { dataDir, artifacts, port } = options
  // A bucket of this back end is a folder.
  await mkdir(join(objectsFolder(dataDir), BUCKET), { recursive: true })
  const properties = join(dataDir, 'object-store.properties')
  await writeFile(
    properties,
    [
      `s3proxy.endpoint=http://127.0.0.1:${port}`,
      's3proxy.authorization=aws-v2-or-v4',
      `s3proxy.identity=${options.accessKey}`,
      `s3proxy.credential=${options.secretKey}`,
      'jclouds.provider=filesystem-nio2',
      `jclouds.filesystem.basedir=${objectsFolder(dataDir)}`,
      '',
    ].join('\n'),
    { mode: 0o600 },
  )
  const outFile = join(dataDir, 'logs/object-store.out')
  const jvm = new Jvm({
    java: options.java,
    classPath: [...(await artifacts.jars('tether')), ...(await artifacts.jars('object-store'))],
    jvmArgs: [
      '-Xms32m',
      '-Xmx192m',
      '-XX:+UseSerialGC',
      // It only moves bytes: the second compiler costs more memory than it saves time.
      '-XX:TieredStopAtLevel=1',
      '-XX:+ExitOnOutOfMemoryError',
      '-Djava.awt.headless=true',
      `-Dmilepost.logs=${join(dataDir, 'logs')}`,
      `-Dlogback.configurationFile=${join(CENTRAL_HOME, 'object-store-logback.xml')}`,
    ],
    main: 'org.gaul.s3proxy.Main',
    args: ['--properties', properties],
    outFile,
    graceSec: GRACE_SEC,
  })
  const giveUpMs = Date.now() + START_LIMIT_MS
  while (!(await answers(port))) {
    if (!jvm.isGone && Date.now() < giveUpMs) {
      await sleep(POLL_MS)
      continue
    }
    await jvm.stop()
    const said =
      `${await tail(join(dataDir, 'logs/object-store.log'))}${await tail(outFile)}`.trim()
    if (said.includes('Address already in use')) {
      throw new CentralError('PORT_TAKEN', `Port ${port} is taken.`, {
        hint: 'Give another --s3-port.',
      })
    }
    throw new CentralError('OBJECT_STORE_FAILED', `The S3 server did not start.\n${said}`, {
      hint: `Its log is in ${join(dataDir, 'logs')}.`,
    })
  }
  return jvm
}

/** Any answer will do, a refusal of our unsigned request as well. */
async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      signal: AbortSignal.timeout(2_000),
    })
    await response.arrayBuffer()
    return true
  } catch {
    return false
  }
}

export function objectsFolder(dataDir: string): string {
  return join(dataDir, 'objects')
}

/** What s3proxy calls a file while it is still being written; no object yet, and in no S3 listing. */
const UNFINISHED = /-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Every file below a folder by its path there, without unfinished and vanishing ones. */
export async function listObjects(folder: string): Promise<StoredObject[]> {
  return (await below(folder, '')).sort((a, b) => (a.key < b.key ? -1 : 1))
}

/**
 * One folder at a time: a deleted topic takes its folder away while this looks, and Node's own recursive
 * reading then fails as a whole.
 */
async function below(folder: string, prefix: string): Promise<StoredObject[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(unlessGone)
  const found = await Promise.all(
    (entries ?? []).map(async (entry) => {
      const path = join(folder, entry.name)
      const key = join(prefix, entry.name)
      if (entry.isDirectory()) return below(path, key)
      if (!entry.isFile() || UNFINISHED.test(entry.name)) return []
      const status = await stat(path).catch(unlessGone)
      return status ? [{ key, bytes: status.size }] : []
    }),
  )
  return found.flat()
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
