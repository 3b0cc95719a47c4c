import { Command, InvalidArgumentError } from 'commander'
import { type Central, type CentralOptions, startCentral } from './central.ts'
import { CentralError } from './errors.ts'
import { milepostTopics, type TopicProfile } from './topics.ts'

const EXIT = { done: 0, failed: 1, interrupted: 130 } as const

interface Options {
  dataDir: string
  kafkaPort: number
  s3Port: number
  tier: string
  partitions: number
  quickTier?: boolean
  json?: boolean
}

const program = new Command('npm run central --')
  .description(
    'Runs one broker of Apache Kafka with tiered storage on, and the S3 server behind it, on this machine. For trying and testing: it listens on 127.0.0.1 only, without passwords.',
  )
  .option('--data-dir <folder>', 'everything it keeps', '.milepost/central')
  .option('--kafka-port <port>', 'port of Kafka; 0 for any free one', port, 9092)
  .option('--s3-port <port>', 'port of the S3 server; 0 for any free one', port, 9000)
  .option(
    '--tier <s3|local|file>',
    'what carries segments away: our plugin into the S3 server, Apache’s own into a folder, or any plugin by a properties file laid over the broker’s',
    's3',
  )
  .option('--partitions <count>', 'partitions of the topics, where they are made', count, 3)
  .option('--quick-tier', 'small segments that leave within seconds, to watch them go')
  .option('--json', 'one JSON line on standard output once it runs')
  .addHelpText(
    'after',
    `
The first start fetches about 100 MB with Maven into ~/.cache/milepost (MILEPOST_CACHE sets another
place); later starts need no network. It needs Java 17 or newer, and for the first start a JDK and
Maven; as root on Debian and Ubuntu they are installed.

Ctrl-C stops it cleanly; the next start goes on with the same data. rm -r the data directory to
begin anew. Exit codes: 0 stopped, 1 failed or ended by itself, 130 not waited for.

Examples:
  npm run central
  npm run central -- --quick-tier --data-dir /tmp/central --kafka-port 0 --s3-port 0 --json
  npm run central -- --tier deploy/central/aiven.properties`,
  )
  .action(run)

function port(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value
  throw new InvalidArgumentError('Expected a port from 0 to 65535.')
}

function count(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value
  throw new InvalidArgumentError('Expected a number from 1 to 1000.')
}

async function run(options: Options): Promise<void> {
  const startedMs = Date.now()
  const interrupt = onInterrupt()
  const central = await startCentral({ ...options, tier: tierOf(options.tier), progress })
  const profile: TopicProfile = options.quickTier ? 'demo' : 'default'
  const topics = milepostTopics(profile, options.partitions)
  await central.createTopics(topics)
  clearLine()
  const names = topics.map(({ topic }) => topic)
  if (options.json) console.log(JSON.stringify(summary(central, names)))
  else console.log(report(central, names, Date.now() - startedMs))

  const why = await Promise.race([interrupt.afterStart(), central.ended])
  console.error(why ? `\n${why}; stopping …` : '\nStopping …')
  await central.stop()
  console.error('Stopped.')
  process.exit(why ? EXIT.failed : EXIT.done)
}

/**
 * Before central runs a signal ends this process at once, and the JVMs end with it. After that the
 * first signal asks to stop, and a second one does not wait.
 */
function onInterrupt() {
  let ask = (): void => process.exit(EXIT.interrupted)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ask())
  return {
    afterStart: () =>
      new Promise<undefined>((resolve) => {
        ask = () => {
          ask = () => process.exit(EXIT.interrupted)
          resolve(undefined)
        }
      }),
  }
}

function tierOf(tier: string): CentralOptions['tier'] {
  return tier === 's3' || tier === 'local' ? tier : { properties: tier }
}

function summary(central: Central, topics: string[]) {
  const { bootstrap, dataDir, logDir, pids } = central
  const { objects, ...s3 } = central.s3 ?? { objects: undefined }
  return { bootstrap, s3: objects && s3, topics, dataDir, logDir, pids }
}

function report(central: Central, topics: string[], tookMs: number): string {
  const { s3 } = central
  return [
    `Central runs (after ${(tookMs / 1000).toFixed(1)} s).`,
    '',
    `  Kafka        ${central.bootstrap}`,
    `  topics       ${topics.join(', ')}`,
    ...(s3
      ? [
          `  S3           ${s3.endpoint}, bucket ${s3.bucket}`,
          `               access key ${s3.accessKey}, secret ${s3.secretKey}`,
        ]
      : []),
    `  segments     ${central.logDir}, and in the tier once they are closed`,
    `  logs         ${central.dataDir}/logs`,
    '',
    'Ctrl-C stops it; the data stays.',
  ].join('\n')
}

/** Steps on lines of their own; the download's count over and over on one, where it is a terminal. */
function progress(message: string): void {
  const counts = message.startsWith('Fetched')
  if (process.stderr.isTTY) {
    clearLine()
    process.stderr.write(counts ? message : `${message}\n`)
  } else if (!counts) {
    process.stderr.write(`${message}\n`)
  }
}

function clearLine(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K')
}

program.parseAsync().catch((error: unknown) => {
  clearLine()
  if (error instanceof CentralError) {
    console.error(`${error.code}: ${error.message}`)
    if (error.hint) console.error(`Next: ${error.hint}`)
  } else {
    console.error(error)
  }
  process.exit(EXIT.failed)
})
