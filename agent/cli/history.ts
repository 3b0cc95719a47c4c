import { once } from 'node:events'
import { Command } from 'commander'
import {
  type HistoryProgress,
  type HistoryRange,
  isByTime,
  readHistory,
} from '../../sync/kafka/history.ts'
import { AgentError } from '../error.ts'
import { connectionOf, DEFAULT_BROKERS } from './connection.ts'
import { parseBound } from './history-bound.ts'
import { historyLine } from './history-line.ts'
import { HistoryMeter } from './history-meter.ts'
import { EXIT, fail, quietPipe } from './output.ts'

interface HistoryFlags {
  topic: string
  brokers?: string
  config?: string
  registry?: string
  from: string
  to: string
  vehicle?: string
  limit?: string
  count?: boolean
  json?: boolean
}

/** `milepost history`: records back from Kafka, one JSON line each. */
export function historyCommand(): Command {
  return new Command('history')
    .requiredOption('--topic <topic>', 'the topic to read, all partitions')
    .option('--brokers <host:port,…>', `where Kafka is (default: ${DEFAULT_BROKERS})`)
    .option('-c, --config <file>', 'take brokers, user and certificates from this config')
    .option('--registry <url>', 'schema registry, for payloads in Avro (default: the config’s)')
    .option('--from <where>', 'earliest, an offset, a time, or a time ago such as -2h', 'earliest')
    .option('--to <where>', 'latest, or as --from; what is there is not read any more', 'latest')
    .option('--vehicle <name>', 'only records of this vehicle')
    .option('--limit <n>', 'stop after so many records')
    .option('--count', 'only count')
    .option('--json', 'the summary on standard error is JSON too')
    .addHelpText(
      'after',
      `
Reads committed records, from the object store where they have left the broker, and ends where the
topic ended when it began. One line each, in order within a partition:
  {"partition":2,"offset":17,"timeUs":…,"key":"truck-7","headers":{…},"value":{…}}
A payload that is no JSON is "valueBase64"; one in Avro is JSON where a registry is named. A time is Kafka's
timestamp of a record; one whose clock nobody vouched for (mp_clock "unsynced") has none, whatever its
"timeUs" says: in a range by times it is in by where it lies, and the summary counts it; others like it may
lie outside, which only a reading by offsets can tell.

Examples:
  milepost history --topic milepost.telemetry --from -2h --vehicle truck-7
  milepost history --topic milepost.events --from 2026-11-01 --to 2026-11-02 | jq .value
  milepost history --topic milepost.critical --count

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (flags: HistoryFlags) => {
      try {
        process.exitCode = await history(flags)
      } catch (error) {
        fail(error)
      }
    })
}

async function history(flags: HistoryFlags): Promise<number> {
  quietPipe()
  const limit = limitOf(flags.limit)
  const range = {
    from: parseBound('--from', flags.from, 'earliest' as const),
    to: parseBound('--to', flags.to, 'latest' as const),
  }
  const vehicle = flags.vehicle === undefined ? undefined : Buffer.from(flags.vehicle)
  const interruption = new AbortController()
  const onInterrupt = () => interruption.abort()
  process.once('SIGINT', onInterrupt)

  const meter = new HistoryMeter()
  let records = 0
  let bytes = 0
  const byTime = isByTime(range)
  let untimed = 0
  let ranges: readonly HistoryRange[] = []
  try {
    const batches = readHistory({
      ...connectionOf(flags),
      topic: flags.topic,
      ...range,
      signal: interruption.signal,
      onRanges: (settled) => {
        ranges = settled
      },
      onProgress: (progress: HistoryProgress) => meter.show(progress),
    })
    reading: for await (const batch of batches) {
      let lines = ''
      for (let index = 0; index < batch.length; index++) {
        if (vehicle && !batch.key(index)?.equals(vehicle)) continue
        records++
        if (batch.timestampMs(index) < 0) untimed++
        bytes += batch.value(index)?.length ?? 0
        if (!flags.count) lines += historyLine(batch.record(index))
        if (records === limit) {
          await write(lines, interruption.signal)
          break reading
        }
      }
      await write(lines, interruption.signal)
    }
  } catch (error) {
    meter.clear()
    if (!interruption.signal.aborted) throw error
  } finally {
    process.removeListener('SIGINT', onInterrupt)
  }
  meter.clear()
  if (flags.count) await write(`${records}\n`)
  const summary = { topic: flags.topic, records, bytes, ranges, ...(byTime && { untimed }) }
  process.stderr.write(meter.summary(summary, flags.json))
  return interruption.signal.aborted ? EXIT.interrupted : EXIT.done
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  const limit = Number(text)
  if (Number.isSafeInteger(limit) && limit > 0) return limit
  throw new AgentError('USAGE', `--limit does not understand "${text}"`, {
    hint: 'Write a number of records, 1 or more.',
  })
}

/** Waits where the reader is slower; an interruption ends the wait. */
async function write(text: string, signal?: AbortSignal): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain', { signal })
}
