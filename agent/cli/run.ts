import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { Agent } from '../agent.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { makeLogger } from '../log.ts'
import { PACKAGE_ROOT } from '../package-root.ts'
import { number } from './numbers.ts'
import { complain, counted, EXIT, fail } from './output.ts'
import { StatusLine } from './status-line.ts'
import { stopAsked } from './stop-asked.ts'

/** The config of `milepost run` without -c. */
const DEFAULT_CONFIG = join(PACKAGE_ROOT, 'agent/config/default.yaml')

/** How long `--exit-at-end` waits for an uplink; what was not delivered stays in the outbox. */
const DELIVERY_LIMIT_MS = 30_000

interface RunOptions {
  config?: string
  dataDir?: string
  exitAtEnd?: boolean
  deliveryLimitMs: number
}

export function runCommand(): Command {
  return new Command('run')
    .option('-c, --config <file>', 'the config; without one, a simulated vehicle and no uplink')
    .option('--data-dir <folder>', 'where outbox and control socket live; overrides the config')
    .option(
      '--exit-at-end',
      'stop once every sensor has come to its end, as a replay does, and its records are delivered; exits with 1 where a sensor failed or records still wait',
    )
    .option(
      '--delivery-limit-ms <n>',
      'how long --exit-at-end waits for the uplink',
      number(0, 86_400_000),
      DELIVERY_LIMIT_MS,
    )
    .addHelpText(
      'after',
      `
Ctrl-C stops cleanly: what was collected is kept, and what can be sent is sent.
A second Ctrl-C stops at once; what was committed is safe all the same.`,
    )
    .action(async (options: RunOptions) => {
      try {
        await run(options)
      } catch (error) {
        fail(error)
      }
    })
}

async function run(options: RunOptions): Promise<void> {
  const config = configOf(options)
  const log = makeLogger(config.log.level)
  const asked = stopAsked((signal) => log.info(`${signal}: stopping`))
  const agent = await Agent.start(config, log, undefined, asked).catch((error: unknown) => {
    if (asked.aborted && error === asked.reason) return undefined
    throw error
  })
  if (!agent) {
    log.info('milepost has stopped before it ran')
    process.exit(EXIT.done)
  }
  const outcome = new Promise<number>((done) => {
    if (asked.aborted) done(EXIT.done)
    asked.addEventListener('abort', () => done(EXIT.done), { once: true })
    if (options.exitAtEnd)
      void finished(agent, options.deliveryLimitMs).then(done, (error) => {
        complain(error)
        done(EXIT.failed)
      })
  })
  log.info({ vehicle: config.vehicle, dataDir: config.dataDir }, 'milepost is running')
  const line = StatusLine.onTerminal(() => agent.status())
  const code = await outcome
  line?.stop()
  const stopped = await agent.stop().then(
    () => true,
    (error) => {
      complain(error)
      return false
    },
  )
  log.info('milepost has stopped')
  process.exit(stopped ? code : EXIT.failed)
}

/** All sensors at their end, and what they gave delivered, if the uplink lets it; else tells why not. */
async function finished(agent: Agent, limitMs: number): Promise<number> {
  await agent.ended()
  const { waiting, uncommitted, uplink } = await agent.delivered(limitMs)
  const failed = agent.status().sensors.filter(({ state }) => state === 'failed')
  const say = (text: string): boolean => process.stderr.write(`${text}\n`)
  for (const { id, lastError } of failed) {
    say(`Sensor ${id} failed${lastError ? `: ${lastError.code}: ${lastError.message}` : ''}`)
  }
  if (uncommitted > 0) say(`${counted(uncommitted, 'record')} could not be written to the outbox.`)
  if (uplink && waiting > 0) {
    say(`${counted(waiting, 'record')} left in the outbox; the next run sends what is there.`)
  }
  const left = uncommitted > 0 || (uplink && waiting > 0)
  return failed.length > 0 || left ? EXIT.failed : EXIT.done
}

function configOf(options: RunOptions): LoadedConfig {
  const config = loadConfig(options.config ?? DEFAULT_CONFIG)
  if (options.dataDir) return { ...config, dataDir: resolve(options.dataDir) }
  if (options.config) return config
  return { ...config, dataDir: resolve('.milepost', config.vehicle) }
}
