import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { openBundle } from '../../models/bundle/archive.ts'
import type { HistoryRange } from '../../sync/kafka/history.ts'
import { AgentError } from '../error.ts'
import { type BacktestResult, backtest } from '../training/backtest.ts'
import { backtestPage } from '../training/picture.ts'
import { backtestJson, backtestNotes, backtestTable } from './backtest-text.ts'
import { connectionOf, DEFAULT_BROKERS } from './connection.ts'
import { parseBound } from './history-bound.ts'
import { counted, EXIT, fail, formatCount, formatSpan, quietPipe } from './output.ts'
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
would on the vehicles. --json also has the offsets that were read of each partition ("ranges"), and
what lay behind a transaction that was open ("held").

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
  let ranges: readonly HistoryRange[] = []
  try {
    results = await backtest(
      {
        ...connectionOf(flags),
        topic: flags.topic,
        ...range,
        signal,
        onRanges: (settled) => {
          ranges = settled
        },
        onProgress: ({ records, doneOffsets, totalOffsets }) =>
          progress.tell((passedMs) => {
            const part = doneOffsets / totalOffsets
            return (
              `${counted(records, 'record')}, ${formatCount(records / (passedMs / 1000))}/s, ` +
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
  process.stdout.write(
    flags.json ? backtestJson(results, { topic: flags.topic, ranges }) : backtestTable(results),
  )
  if (!flags.json) process.stderr.write(backtestNotes(results))
  return EXIT.done
}
