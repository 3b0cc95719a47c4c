import { existsSync } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Artifacts } from './artifacts.ts'
import { CentralError } from './errors.ts'
import { CENTRAL_HOME } from './home.ts'
import { Jvm, tail } from './jvm.ts'
import { fill } from './template.ts'

const START_LIMIT_MS = 120_000
const POLL_MS = 50
const TIER_LIMIT_MS = 20_000
const TIER_READY = 'Initialized topic-based RLMM resources successfully'
const GRACE_SEC = 15
/** Writing the class data archive is part of the JVM's end. */
const RECORD_GRACE_SEC = 120
/** A broker that was killed with its test needs a moment to let go of its folder and ports. */
const BUSY_LIMIT_MS = 20_000

export interface BrokerOptions {
  readonly java: string
  readonly artifacts: Artifacts
  /** Class data archive to start from. */
  readonly classData: string | undefined
  /** Where the JVM shall write a class data archive when it ends; instead of `classData`. */
  readonly recordClassData?: string
  readonly dataDir: string
  readonly logDir: string
  readonly clusterId: string
  readonly kafkaPort: number
  readonly controllerPort: number
  /** Properties text laid over broker.properties: the tier's and the caller's. */
  readonly overlay: string
  readonly maxHeapMb: number
}

/** Formats the broker's folder where it is new, starts it, and resolves once it answers clients. */
export async function startBroker(options: BrokerOptions): Promise<Jvm> {
  const { kafkaPort, controllerPort, logDir } = options
  const properties = join(options.dataDir, 'broker.properties')
  const base = await readFile(join(CENTRAL_HOME, 'broker.properties'), 'utf8')
  const text = fill(`${base}\n${options.overlay}`, { kafkaPort, controllerPort, logDir })
  await writeFile(properties, text, { mode: 0o600 })
  await mkdir(options.logDir, { recursive: true })
  if (!existsSync(join(options.logDir, 'meta.properties'))) await format(options, properties)

  const giveUpMs = Date.now() + BUSY_LIMIT_MS
  for (;;) {
    const log = logFile(options)
    const logStart = await stat(log).then(
      ({ size }) => size,
      () => 0,
    )
    const jvm = await launch(options, 'broker', 'kafka.Kafka', [properties])
    const fault = await untilAnswers(jvm, options.kafkaPort)
    if (fault === undefined) {
      await untilTierReady(jvm, log, logStart)
      return jvm
    }
    await jvm.stop()
    const error = await explain(options, fault)
    if (!['DATA_DIR_BUSY', 'PORT_TAKEN'].includes(error.code) || Date.now() > giveUpMs) throw error
    await sleep(500)
  }
}

async function format(options: BrokerOptions, properties: string): Promise<void> {
  const args = ['format', '-t', options.clusterId, '-c', properties]
  const jvm = await launch(options, 'format', 'kafka.tools.StorageTool', args)
  const how = await jvm.exited
  if (how !== 0) throw await explain(options, `formatting its folder ended with ${how}`, 'format')
}

async function launch(options: BrokerOptions, name: string, main: string, args: string[]) {
  const { java, artifacts, dataDir, classData, recordClassData } = options
  const records = recordClassData !== undefined && name === 'broker'
  return new Jvm({
    java,
    classPath: [...(await artifacts.jars('tether')), ...(await artifacts.jars('broker'))],
    jvmArgs: [
      '-Xms64m',
      `-Xmx${options.maxHeapMb}m`,
      // With one or two cores a serial collector is smaller and starts faster than G1.
      '-XX:+UseSerialGC',
      // The second compiler costs more than it brings a broker that lives for minutes.
      '-XX:TieredStopAtLevel=1',
      ...(records ? [`-XX:ArchiveClassesAtExit=${recordClassData}`] : []),
      ...(classData ? [`-XX:SharedArchiveFile=${classData}`] : []),
      '-XX:+ExitOnOutOfMemoryError',
      '-Djava.awt.headless=true',
      `-Dmilepost.logs=${join(dataDir, 'logs')}`,
      `-Dlog4j2.configurationFile=${join(CENTRAL_HOME, 'broker-log4j2.properties')}`,
    ],
    main,
    args,
    outFile: outFile(options, name),
    graceSec: records ? RECORD_GRACE_SEC : GRACE_SEC,
  })
}

/** Resolves with undefined once the broker answers, else with what went wrong. */
async function untilAnswers(jvm: Jvm, port: number): Promise<string | undefined> {
  const giveUpMs = Date.now() + START_LIMIT_MS
  while (Date.now() < giveUpMs) {
    if (jvm.isGone) return `it ended with ${await jvm.exited}`
    if (await answers(port)) return jvm.isGone ? `it ended with ${await jvm.exited}` : undefined
    await sleep(POLL_MS)
  }
  return `it did not answer within ${START_LIMIT_MS / 1000} s`
}

/**
 * The tier's metadata comes up after the broker. A broker that is stopped before waits two minutes
 * for itself to answer, so we are not ready until it says so. Another metadata manager, set by a
 * user's properties, says nothing that we know: then the limit ends the wait.
 */
async function untilTierReady(jvm: Jvm, log: string, logStart: number): Promise<void> {
  const giveUpMs = Date.now() + TIER_LIMIT_MS
  while (!jvm.isGone && Date.now() < giveUpMs) {
    const text = await readFile(log, 'utf8').catch(() => '')
    if (text.slice(logStart).includes(TIER_READY)) return
    await sleep(POLL_MS)
  }
}

/** Asks for ApiVersions, version 0 (api key 18, no body): an open port alone is no broker yet. */
function answers(port: number): Promise<boolean> {
  const request = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff])
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 2_000 }, () => socket.write(request))
    const done = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('data', (data) => done(data.length >= 8 && data.readInt32BE(4) === 1))
    socket.once('error', () => done(false))
    socket.once('close', () => done(false))
    socket.once('timeout', () => done(false))
  })
}

async function explain(options: BrokerOptions, fault: string, name = 'broker') {
  const log = logFile(options)
  const said = `${await tail(log, 4_000)}\n${await tail(outFile(options, name), 4_000)}`
  const lines = said.split('\n').filter((line) => /ERROR|FATAL|Exception|Error/.test(line))
  const cause = lines.slice(-5).join('\n') || said.trim().slice(-500)
  if (/Failed to acquire lock|OverlappingFileLock/.test(cause)) {
    return new CentralError('DATA_DIR_BUSY', `Another broker uses ${options.logDir}.`, {
      hint: 'Stop the other `npm run central`, or give this one another --data-dir.',
    })
  }
  if (/Address already in use|BindException/.test(cause)) {
    return new CentralError(
      'PORT_TAKEN',
      `A port of ${options.kafkaPort}, ${options.controllerPort} is taken.`,
      {
        hint: 'Give another --kafka-port.',
      },
    )
  }
  return new CentralError('BROKER_FAILED', `The broker failed: ${fault}.\n${cause}`, {
    hint: `Its log is ${log}.`,
  })
}

function logFile(options: BrokerOptions): string {
  return join(options.dataDir, 'logs/broker.log')
}

function outFile(options: BrokerOptions, name: string): string {
  return join(options.dataDir, 'logs', `${name}.out`)
}
