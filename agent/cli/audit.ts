import { Command } from 'commander'
import type { EpochAccount } from '../../sync/audit.ts'
import { auditTopics, type TopicsAccount } from '../../sync/kafka/audit-topics.ts'
import { LANES } from '../../sync/record.ts'
import { AgentError } from '../error.ts'
import { heldText } from '../training/held.ts'
import { connectionOf, DEFAULT_BROKERS } from './connection.ts'
import { HistoryMeter } from './history-meter.ts'
import { counted, EXIT, fail, formatCount, quietPipe } from './output.ts'

interface AuditFlags {
  topic?: string[]
  brokers?: string
  config?: string
  registry?: string
  expect?: string[]
  chains?: boolean
  json?: boolean
}

/** `milepost audit`: what reached Kafka, what did not, and whether the ledger says why. */
export function auditCommand(): Command {
  return new Command('audit')
    .option(
      '--topic <topic...>',
      'topics to read (default: milepost.critical, .events, .telemetry)',
    )
    .option('--brokers <host:port,…>', `where Kafka is (default: ${DEFAULT_BROKERS})`)
    .option('-c, --config <file>', 'take brokers, user and certificates from this config')
    .option('--registry <url>', 'schema registry, for payloads in Avro (default: the config’s)')
    .option(
      '--expect <vehicle/epoch/seq...>',
      'the last number that this outbox is known to have given',
    )
    .option(
      '--chains',
      'not all lanes, or no longer from their beginning: look for gaps in each lane',
    )
    .option('--json', 'the account as JSON')
    .addHelpText(
      'after',
      `
Every record has an identity (vehicle, epoch, seq); seq counts from 1 over all lanes of one outbox.
  present       on Kafka, committed
  missing       not on Kafka, and no ledger record says why
  ledgered      not on Kafka, and a ledger record says why: evicted, rejected, …
  duplicated    copies beyond the first
  out of order  behind a later record of their lane
What lies behind a transaction that is still open is not read, and told ("held" in --json).
Ledger records are on the critical lane. What a vehicle has not sent yet is not missing: only numbers
below the highest that is known are. Where retention has deleted the beginning, use --chains.

Examples:
  milepost audit --brokers kafka:9092
  milepost audit --topic milepost.critical milepost.events milepost.telemetry --json
  milepost audit --topic milepost.events --chains

Exit codes: 0 it balances, 1 it does not, or failed, 2 wrong usage, 130 stopped by Ctrl-C.`,
    )
    .action(async (flags: AuditFlags) => {
      try {
        process.exitCode = await audit(flags)
      } catch (error) {
        fail(error)
      }
    })
}

async function audit(flags: AuditFlags): Promise<number> {
  quietPipe()
  const interruption = new AbortController()
  const onInterrupt = () => interruption.abort()
  process.once('SIGINT', onInterrupt)
  const meter = new HistoryMeter()
  try {
    const account = await auditTopics({
      ...connectionOf(flags),
      topics: topicsOf(flags.topic),
      byChains: flags.chains,
      expected: flags.expect?.map(expectationOf),
      signal: interruption.signal,
      onProgress: (_, progress) => meter.show(progress),
    })
    meter.clear()
    tellHeld(account)
    if (flags.json) process.stdout.write(`${JSON.stringify(account, null, 2)}\n`)
    else {
      for (const epoch of account.epochs) process.stdout.write(line(epoch))
      process.stdout.write(
        `${counted(account.records, 'record')} of ${counted(account.epochs.length, 'outbox', 'outboxes')}` +
          `${account.foreign > 0 ? `, ${formatCount(account.foreign)} not ours` : ''}: ` +
          `${account.balanced ? 'balanced' : 'does NOT balance'}\n`,
      )
    }
    return account.balanced ? EXIT.done : EXIT.failed
  } catch (error) {
    meter.clear()
    if (interruption.signal.aborted) return EXIT.interrupted
    throw error
  } finally {
    process.removeListener('SIGINT', onInterrupt)
  }
}

/** What could not be read may be what is missing. */
function tellHeld({ held }: TopicsAccount): void {
  for (const topic of new Set(held.map((one) => one.topic))) {
    const text = heldText(held.filter((one) => one.topic === topic))
    process.stderr.write(`${topic}: ${text}. What is called missing may be among them.\n`)
  }
}

function line(account: EpochAccount): string {
  const { vehicle, epoch, present, missing, ledgered, duplicated, outOfOrder } = account
  const bad = missing + duplicated + outOfOrder > 0
  return (
    `${bad ? '✗' : '✓'} ${vehicle} ${epoch}  present ${formatCount(present)}  ` +
    `missing ${formatCount(missing)}  ledgered ${formatCount(ledgered)}  ` +
    `duplicated ${formatCount(duplicated)}  out of order ${formatCount(outOfOrder)}\n`
  )
}

function topicsOf(given: readonly string[] = []): string[] {
  const topics = given.flatMap((text) => text.split(',')).filter((topic) => topic !== '')
  return topics.length > 0 ? topics : LANES.map((lane) => `milepost.${lane}`)
}

function expectationOf(text: string): { vehicle: string; epoch: string; lastSeq: number } {
  const [, vehicle, epoch, seq] = /^(.+)\/([^/]+)\/(\d+)$/.exec(text) ?? []
  if (vehicle) return { vehicle, epoch, lastSeq: Number(seq) }
  throw new AgentError('USAGE', `--expect does not understand "${text}"`, {
    hint: 'Write vehicle/epoch/seq, as `ce_id` of a record has it.',
  })
}
