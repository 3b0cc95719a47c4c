import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { openBundle } from '../../models/bundle/archive.ts'
import { AgentError } from '../error.ts'
import { type BacktestResult, backtest } from '../training/backtest.ts'
import { backtestPage } from '../training/picture.ts'
import { connectionOf, DEFAULT_BROKERS } from './connection.ts'
import { parseBound } from './history-bound.ts'
import { EXIT, fail, formatCount, formatSpan, quietPipe, short } from './output.ts'
import { Progress } from './progress.ts'
import { stopAsked } from './stop-asked.ts'

interface BacktestFlags {
  bundles: string
  topic: string
  from: string
  to: string
  brokers?: string
  config?: string
  picture?: string
  json?: boolean
}

/** Bundles beside each other; the table is no wider than a terminal. */
const MAX_BUNDLES = 4
const TABLE_EVENTS = 10

/** `milepost backtest`: what bundles would have said of a stretch of history. */
export function backtestCommand(): Command {
  return new Command('backtest')
    .requiredOption('--bundles <a,b>', `up to ${MAX_BUNDLES} bundles, folders or packed`)
    .requiredOption('--topic <topic>', 'the topic to read, all partitions')
    .option('--from <where>', 'earliest, an offset, a time, or a time ago such as -7d', 'earliest')
    .option('--to <where>', 'latest, or as --from', 'latest')
    .option('--brokers <host:port,…>', `where Kafka is (default: ${DEFAULT_BROKERS})`)
    .option('-c, --config <file>', 'take brokers, user and certificates from this config')
    .option('--picture <file.html>', 'scores over time and events, as one page')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `
Each bundle makes its own feature rows of the same records, scores them, and raises its own events, as it
would on the vehicles.

Examples:
  milepost backtest --bundles truck-1,truck-2 --topic milepost.telemetry --from -7d
  milepost backtest --bundles truck-1.tgz,truck-2 --topic milepost.telemetry --picture week.html`,
    )
    .action(async (flags: BacktestFlags) => {
      try {
        quietPipe()
        process.exitCode = await run(flags)
      } catch (error) {
        fail(error)
      }
    })
}

async function run(flags: BacktestFlags): Promise<number> {
  const signal = stopAsked()
  const paths = flags.bundles.split(',').map((path) => path.trim())
  if (paths.length > MAX_BUNDLES || paths.includes('')) {
    throw new AgentError('USAGE', `--bundles does not understand "${flags.bundles}"`, {
      hint: `Name up to ${MAX_BUNDLES} bundles with commas between them.`,
    })
  }
  const range = {
    from: parseBound('--from', flags.from, 'earliest' as const),
    to: parseBound('--to', flags.to, 'latest' as const),
  }
  const bundles = await Promise.all(paths.map((path) => openBundle(path)))
  const progress = new Progress()
  let results: BacktestResult[]
  try {
    results = await backtest(
      {
        ...connectionOf(flags),
        topic: flags.topic,
        ...range,
        signal,
        onProgress: ({ records, doneOffsets, totalOffsets }) =>
          progress.tell((passedMs) => {
            const part = doneOffsets / totalOffsets
            return (
              `${formatCount(records)} records, ${formatCount(records / (passedMs / 1000))}/s, ` +
              `${Math.floor(part * 100)} %, ${formatSpan(passedMs / part - passedMs)} left`
            )
          }),
      },
      bundles,
    )
  } catch (error) {
    if (!signal.aborted) throw error
    return EXIT.interrupted
  } finally {
    progress.end()
  }
  if (flags.picture) writeFileSync(flags.picture, backtestPage(flags.topic, results))
  process.stdout.write(flags.json ? json(results) : table(results))
  if (!flags.json) tellNotes(results)
  return EXIT.done
}

function json(results: readonly BacktestResult[]): string {
  const told = results.map(({ vehicles, troubled, curve, told, ...rest }) => ({
    ...rest,
    vehicles: vehicles.size,
    vehiclesWithEvents: troubled.size,
    alarmsPerVehicleWeek: perWeek(rest),
    curve: curve.sorted(),
    toldEvents: told,
  }))
  return `${JSON.stringify({ bundles: told })}\n`
}

/** Events of a vehicle that drives a whole week. */
function perWeek({ events, hours }: Pick<BacktestResult, 'events' | 'hours'>): number | null {
  return hours > 0 ? (events / hours) * 168 : null
}

function table(results: readonly BacktestResult[]): string {
  const rows: [string, (one: BacktestResult) => string][] = [
    ['bundle', ({ name }) => name],
    ['hash', ({ hash }) => hash.slice(0, 12)],
    ['kind', ({ kind }) => kind],
    ['threshold', ({ threshold }) => short(threshold)],
    ['rows', ({ rows: count }) => formatCount(count)],
    ['above threshold', ({ above }) => formatCount(above)],
    ['without a score', ({ invalid }) => formatCount(invalid)],
    ['vehicles', ({ vehicles }) => formatCount(vehicles.size)],
    ['events', ({ events }) => formatCount(events)],
    ['vehicles with events', ({ troubled }) => formatCount(troubled.size)],
    ['events/vehicle/week', (one) => (one.hours > 0 ? short(perWeek(one)!) : '-')],
  ]
  const lines = rows.map(
    ([what, of]) =>
      `${what.padEnd(22)}${results.map((one) => of(one).slice(0, 24).padStart(26)).join('')}`,
  )
  for (const { name, hash, told, events } of results) {
    lines.push('', `Events of ${name} ${hash.slice(0, 12)}:${events === 0 ? ' none' : ''}`)
    for (const { vehicle, beginUs, endUs, topScore, signal } of told.slice(0, TABLE_EVENTS)) {
      const lasted = endUs === undefined ? 'goes on' : formatSpan((endUs - beginUs) / 1000)
      lines.push(
        `  ${new Date(beginUs / 1000).toISOString()}  ${vehicle}  ${lasted}  top ${short(topScore)}  ${signal}`,
      )
    }
    if (events > TABLE_EVENTS) lines.push(`  and ${formatCount(events - TABLE_EVENTS)} more`)
  }
  return `${lines.join('\n')}\n`
}

function tellNotes(results: readonly BacktestResult[]): void {
  for (const { name, notes } of results) {
    for (const note of notes) process.stderr.write(`${name}: ${note}.\n`)
  }
}
