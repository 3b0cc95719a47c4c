import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { makeFolder } from '../../models/durable.ts'
import { createTopics, type TopicSpec } from '../../sync/kafka/admin.ts'
import { startBroker } from './broker.ts'
import { CentralError } from './errors.ts'
import type { Jvm } from './jvm.ts'
import {
  BUCKET,
  listObjects,
  objectsFolder,
  type StoredObject,
  startObjectStore,
} from './object-store.ts'
import { freePort, isFree } from './ports.ts'
import { prepare } from './prepare.ts'
import { readState, type State, writeState } from './state.ts'
import { type Tier, tierProperties } from './tier.ts'

export interface CentralOptions {
  /** Everything central keeps; made where it is missing. One central at a time. */
  readonly dataDir: string
  /** 0 or nothing: the port of the last start where that is free, else any. */
  readonly kafkaPort?: number
  readonly s3Port?: number
  /**
   * What carries segments away: our own plugin into the S3 server here (the default), Apache's
   * `LocalTieredStorage` into a folder, or any plugin by a properties file laid over the broker's.
   */
  readonly tier?: Tier
  /**
   * Lines laid over all others of the broker's properties: another listener, security.
   * `${kafkaPort}` and `${controllerPort}` are filled in.
   */
  readonly extraProperties?: string
  /** The broker's heap; it touches far less when it is idle. */
  readonly maxHeapMb?: number
  /** Told of each step, and of the downloads of a first start many times a second. */
  readonly progress?: (message: string) => void
}

export interface Central {
  /** `127.0.0.1:port` */
  readonly bootstrap: string
  /** The S3 server; none beside Apache's plugin. */
  readonly s3: S3 | undefined
  readonly dataDir: string
  /** Where the broker keeps segments: `<logDir>/<topic>-<partition>/<base offset>.log`. */
  readonly logDir: string
  /** Process ids, for whoever measures memory or wants to kill one. */
  readonly pids: { readonly broker: number; readonly objectStore: number | undefined }
  /** Whatever the tier holds, in a bucket or a folder, by key. */
  tierObjects(): Promise<StoredObject[]>
  /** Makes the topics that do not exist; those that do stay as they are. */
  createTopics(topics: readonly TopicSpec[]): Promise<void>
  /** Resolves when a part of central has ended, wanted or not, with its name and how. */
  readonly ended: Promise<string>
  /** Broker first, then the object store; bounded, and may be called again. */
  stop(): Promise<void>
  /** SIGKILL to the broker, for tests; the object store stops cleanly. */
  kill(): Promise<void>
}

export interface S3 {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly accessKey: string
  readonly secretKey: string
  objects(): Promise<StoredObject[]>
}

function makeDataDir(dataDir: string): void {
  try {
    makeFolder(join(dataDir, 'logs'))
  } catch (cause) {
    const message = `Cannot make ${dataDir}: ${(cause as Error).message}`
    throw new CentralError('DATA_DIR_DENIED', message, {
      cause,
      hint: 'Name a folder that this user may write: --data-dir FOLDER.',
    })
  }
}

/**
 * Starts one broker of Apache Kafka with tiered storage on, and the S3 server behind it. Resolves
 * when both answer. The first start of all fetches the jars. Rejects with a `CentralError`.
 */
export async function startCentral(options: CentralOptions): Promise<Central> {
  const tell = options.progress ?? (() => {})
  const dataDir = resolve(options.dataDir)
  const tier = options.tier ?? 's3'
  // Before anything is fetched: a place that cannot be had is told at once.
  makeDataDir(dataDir)
  const { java, artifacts, classData } = await prepare(tell)
  const state = await withPorts(await readState(dataDir), options)
  await writeState(dataDir, state)

  const ports = state as Required<State>
  const logDir = join(dataDir, 'broker')
  const tierDir = join(dataDir, 'tier')
  const s3: S3 | undefined =
    tier === 'local'
      ? undefined
      : {
          endpoint: `http://127.0.0.1:${ports.s3Port}`,
          region: 'us-east-1',
          bucket: BUCKET,
          accessKey: state.accessKey,
          secretKey: state.secretKey,
          objects: () => listObjects(join(objectsFolder(dataDir), BUCKET)),
        }
  const tierText = await tierProperties(tier, {
    jars: artifacts.folder,
    dataDir,
    tierDir,
    's3.endpoint': s3?.endpoint ?? '',
    's3.region': s3?.region ?? '',
    's3.bucket': s3?.bucket ?? '',
    's3.accessKey': state.accessKey,
    's3.secretKey': state.secretKey,
  })
  await mkdir(tierDir, { recursive: true })

  tell(s3 ? 'Starting Apache Kafka and the S3 server …' : 'Starting Apache Kafka …')
  const storeStarts =
    s3 && startObjectStore({ ...ports, java, artifacts, dataDir, port: ports.s3Port })
  // Our plugin asks nothing of S3 before there is a segment; another one may want to see it.
  if (tier !== 's3') await storeStarts
  const brokerStarts = startBroker({
    ...ports,
    java,
    artifacts,
    classData,
    dataDir,
    logDir,
    overlay: `${tierText}\n${options.extraProperties ?? ''}\n`,
    maxHeapMb: options.maxHeapMb ?? 512,
  })
  const [broker, store] = await bothOrNone(brokerStarts, storeStarts)

  const bootstrap = `127.0.0.1:${ports.kafkaPort}`
  return {
    bootstrap,
    s3,
    dataDir,
    logDir,
    pids: { broker: broker.pid!, objectStore: store?.pid },
    tierObjects: () => s3?.objects() ?? listObjects(tierDir),
    createTopics: (topics) => createTopics(bootstrap, topics),
    ended: Promise.race([
      broker.exited.then((how) => `Apache Kafka ended (${how})`),
      ...(store ? [store.exited.then((how) => `the S3 server ended (${how})`)] : []),
    ]),
    // The broker may still copy a segment while it stops, so the store goes last.
    stop: async () => {
      await broker.stop()
      await store?.stop()
    },
    kill: async () => {
      broker.kill()
      await broker.exited
      await store?.stop()
    },
  }
}

/** Waits for both; where one fails, the other is stopped. */
async function bothOrNone(
  ...starts: [Promise<Jvm>, Promise<Jvm> | undefined]
): Promise<[Jvm, Jvm | undefined]> {
  const results = await Promise.allSettled(starts)
  const failed = results.find((result) => result.status === 'rejected')
  const [broker, store] = results.map((result) =>
    result.status === 'fulfilled' ? result.value : undefined,
  )
  if (!failed) return [broker!, store]
  await broker?.stop()
  await store?.stop()
  throw failed.reason
}

/** Asked-for ports must be free; remembered ones are kept where they are. */
async function withPorts(state: State, options: CentralOptions): Promise<State> {
  for (const port of [options.kafkaPort, options.s3Port]) {
    if (port && !(await isFree(port))) {
      throw new CentralError('PORT_TAKEN', `Port ${port} is taken.`, {
        hint: 'Stop what uses it, or give other ports with --kafka-port and --s3-port.',
      })
    }
  }
  return {
    ...state,
    kafkaPort: options.kafkaPort || (await freePort(state.kafkaPort)),
    controllerPort: await freePort(state.controllerPort),
    s3Port: options.s3Port || (await freePort(state.s3Port)),
  }
}
