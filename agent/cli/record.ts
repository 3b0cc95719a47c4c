import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { makeFolder } from '../../models/durable.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import { FrameRecorder } from '../../sensors/replay/frame-recorder.ts'
import { RollingLog } from '../../sensors/replay/rolling-log.ts'
import { stopUnder } from '../../sensors/wait.ts'
import { Buses } from '../buses.ts'
import { Channels } from '../channels.ts'
import { systemClock } from '../clock.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { AgentError } from '../error.ts'
import { Fence } from '../fence.ts'
import { type Logger, makeLogger } from '../log.ts'
import { Supervisor } from '../supervisor/supervisor.ts'
import { number } from './numbers.ts'
import { complain, counted, EXIT, fail, formatBytes } from './output.ts'
import { stopAsked } from './stop-asked.ts'

interface Options {
  config: string
  out: string
  maxFileMib: number
  maxTotalMib: number
  gzip: boolean
  syncEveryMs: number
  seconds?: number
  json: boolean
}

/** How often it is looked whether the disk takes what is recorded. */
const LOOK_MS = 1000

/** `milepost record`: the frames of a config's sensors, as candump logs. */
export function recordCommand(): Command {
  return new Command('record')
    .requiredOption('-c, --config <file>', 'the config whose sensors are recorded')
    .option('-o, --out <folder>', 'where the logs go', 'recordings')
    .option('--max-file-mib <n>', 'begin the next file at this size', number(0.01, 4096), 64)
    .option('--max-total-mib <n>', 'delete the oldest beyond this', number(0.03, 1e7), 4096)
    .option('--gzip', 'pack files that are complete', false)
    .option(
      '--sync-every-ms <n>',
      'fsync so often: what a power cut can take; 0 after each write, or "never"',
      (text: string) => (text === 'never' ? Number.POSITIVE_INFINITY : number(0, 3.6e6)(text)),
      1000,
    )
    .option('--seconds <n>', 'stop after so long', number(0.1, 1e9))
    .option('--json', 'the account at the end as JSON', false)
    .addHelpText(
      'after',
      `
Records until Ctrl-C, or until every sensor has come to its end. Campaigns, models and the uplink of
the config are not used. A kill takes at most the last 0.2 s, a power cut what was not yet fsynced;
half a line at the end of a log is known by its missing direction, and is not read.

Examples:
  milepost record -c milepost.yaml --out /data/drives --max-total-mib 2000 --gzip
  milepost decode --dbc car.dbc /data/drives/truck-17-000001-20260131T120000Z.log.gz`,
    )
    .action(async (options: Options) => {
      try {
        await record(options)
      } catch (error) {
        fail(error)
      }
    })
}

async function record(options: Options): Promise<void> {
  const config = loadConfig(options.config)
  const logger = makeLogger(config.log.level)
  const asked = stopAsked()
  const log = await openLog(options, config.vehicle)
  const buses = new Buses()
  const recorder = new FrameRecorder(log, buses)
  const supervisor = supervise(config, buses, recorder, logger)
  const atEnd = stopUnder(asked)
  const stopped = atEnd.signal
  const beganMs = performance.now()
  await supervisor.start(asked)
  logger.info({ vehicle: config.vehicle, folder: resolve(options.out) }, 'recording')
  let ended = false
  void supervisor.ended().then(() => {
    ended = true
    atEnd.abort()
  })
  const limit = options.seconds === undefined ? undefined : beganMs + options.seconds * 1000
  let told: string | undefined
  while (!stopped.aborted && (limit === undefined || performance.now() < limit)) {
    const leftMs = limit === undefined ? LOOK_MS : limit - performance.now()
    await sleep(Math.min(LOOK_MS, leftMs), undefined, { signal: stopped }).catch(() => {})
    const { error, dropped } = recorder
    if (error && error.message !== told) logger.error({ dropped }, `cannot write: ${error.message}`)
    told = error?.message
  }
  let clean = true
  const failed = (error: unknown): void => {
    clean = false
    complain(error)
  }
  if (!ended) await supervisor.stop().catch(failed)
  await recorder.close().catch(failed)
  tell(options, recorder, log)
  process.exit(recorder.dropped > 0 || !clean ? EXIT.failed : EXIT.done)
}

async function openLog(options: Options, prefix: string): Promise<RollingLog> {
  const [file, total] = [options.maxFileMib, options.maxTotalMib].map((mib) => mib * 2 ** 20)
  const least = file * (options.gzip ? 3 : 2)
  if (total < least) {
    throw new AgentError('USAGE', '--max-total-mib leaves no room for files of --max-file-mib', {
      hint: `Allow at least ${formatBytes(least)} in total, or smaller files.`,
    })
  }
  try {
    makeFolder(options.out)
    return await RollingLog.open({
      dir: options.out,
      prefix,
      maxFileBytes: file,
      maxTotalBytes: total,
      gzip: options.gzip,
      syncEveryMs: options.syncEveryMs,
    })
  } catch (cause) {
    throw new AgentError('USAGE', `Cannot record to ${options.out}: ${(cause as Error).message}`, {
      cause,
      hint: 'Name a folder that can be written to, with --out.',
    })
  }
}

function supervise(
  config: LoadedConfig,
  buses: Buses,
  recorder: FrameRecorder,
  logger: Logger,
): Supervisor {
  const fence = new Fence(logger)
  const channels = new Channels((bus) => {
    const name = buses.nameOf(bus)
    return { name, send: config.buses[name]?.send ?? [], reads: undefined }
  }, fence.caught)
  return new Supervisor(config.sensors, (name) => buses.indexOf(name), {
    catalog: new SignalCatalog(),
    clock: systemClock,
    frames: (batch) => {
      recorder.frames(batch)
      channels.route(batch)
    },
    bus: (index) => channels.of(index),
    // A log of frames has no place for what sensors say beyond frames.
    readings: () => {},
    event: () => {},
    timeSeen: () => {},
    caught: fence.caught,
    changed: ({ id, state, lastError }) => {
      const level = state === 'live' || state === 'off' || state === 'starting' ? 'info' : 'warn'
      logger[level]({ sensor: id, state, ...lastError }, `sensor ${id} is ${state}`)
    },
  })
}

function tell(options: Options, recorder: FrameRecorder, log: RollingLog): void {
  const { recorded, dropped } = recorder
  const { writtenBytes, filesBegun, deletedFiles, deletedBytes, tornBytes, totalBytes } = log
  if (options.json) {
    const account = { recorded, dropped, writtenBytes, filesBegun, deletedFiles, deletedBytes }
    process.stdout.write(`${JSON.stringify({ ...account, tornBytes, totalBytes })}\n`)
    return
  }
  const say = (text: string): boolean => process.stderr.write(`${text}\n`)
  say(
    `${counted(recorded, 'frame')} in ${counted(filesBegun, 'file')}, ${formatBytes(writtenBytes)} written`,
  )
  if (dropped > 0) say(`${counted(dropped, 'frame')} lost: the disk did not take them`)
  if (deletedFiles > 0) say(`${deletedFiles} old files deleted (${formatBytes(deletedBytes)})`)
  if (tornBytes > 0) say(`half a line (${tornBytes} bytes) of an earlier run was cut off`)
}
