import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { RELEASE_KINDS, type ReleaseKind } from '../../models/release/release.ts'
import { Outcomes } from '../rollout/outcomes.ts'
import { RolloutWatch, type WatchLook } from '../rollout/watch.ts'
import { connectionOf, DEFAULT_BROKERS } from './connection.ts'
import { percent, positive, whole } from './numbers.ts'
import { EXIT, fail, formatCount, formatSpan, paint } from './output.ts'
import { atDesk, type DeskFlags, keysDir } from './release-desk.ts'
import { stopAsked } from './stop-asked.ts'

interface WatchFlags extends DeskFlags {
  brokers?: string
  config?: string
  topic: string
  timeoutMin: number
  maxFailed: number
  minGood: number
  seenWithinHours: number
  vehicles?: string
  everySec: number
  once?: boolean
}

/** `milepost rollout watch`: a rollout led by what its vehicles tell. */
export function rolloutCommand(): Command {
  const command = new Command('rollout')
  command
    .command('watch')
    .description(
      'lead a rollout from stage to stage, or take it back, by what vehicles tell on Kafka',
    )
    .argument('<kind>', `${RELEASE_KINDS.join(', ')}`, kindOf)
    .argument('<name>', 'its name, as engine')
    .option('-r, --repository <place>', 'folder or s3://… (or MILEPOST_RELEASE_REPOSITORY)')
    .option('-k, --keys <folder>', 'the online keys are enough (or MILEPOST_RELEASE_KEYS)')
    .option('--passphrase-file <file>', 'passphrases of the keys')
    .option('--brokers <host:port,…>', `where Kafka is (default: ${DEFAULT_BROKERS})`)
    .option('-c, --config <file>', 'take brokers, user and certificates from this config')
    .option('--topic <topic>', 'topic of the lane critical', 'milepost.critical')
    .option(
      '--timeout-min <n>',
      'a vehicle of the stage that has told nothing final by then has failed',
      positive,
      1440,
    )
    .option('--max-failed <percent>', 'share of the stage that may fail', percent, 5)
    .option('--min-good <n>', 'vehicles that must be good before the next stage', whole(1), 1)
    .option('--seen-within-hours <n>', 'vehicles heard of since then are the fleet', positive, 720)
    .option('--vehicles <file>', 'the fleet besides: one vehicle a line')
    .addOption(
      new Option('--every-sec <n>', 'time between two looks').argParser(positive).default(15),
    )
    .option('--once', 'look once, act, and end: for a timer')
    .option('--json', 'one JSON object for each look')
    .addHelpText(
      'after',
      `
Reads milepost.update.v1 records of every vehicle, counts those of the stage that is on, and signs the
next stage, or the end of the rollout, with the keys of rollout, snapshot and timestamp alone. A look
that was interrupted is simply done again.

Examples:
  milepost release rollout bundle engine 4f1c --stages canary:1,early:10,all:100 -r repo
  milepost rollout watch bundle engine -r repo --brokers kafka:9092
  milepost rollout watch bundle engine -r repo --once --json       every few minutes, from a timer

Exit codes: 0 all have it, or still under way with --once; 1 taken back or failed; 2 wrong usage;
130 stopped by Ctrl-C.`,
    )
    .action(async (kind: ReleaseKind, name: string, flags: WatchFlags) => {
      try {
        process.exitCode = await watch(kind, name, flags)
      } catch (error) {
        fail(error)
      }
    })
  return command
}

async function watch(kind: ReleaseKind, name: string, flags: WatchFlags): Promise<number> {
  const stop = stopAsked()
  const vehicles = flags.vehicles ? await linesOf(flags.vehicles) : []
  return atDesk(flags, async ({ repository }) => {
    const outcomes = new Outcomes(connectionOf(flags), flags.topic)
    const watching = new RolloutWatch({
      repository,
      outcomes,
      kind,
      name,
      limits: {
        timeoutMs: flags.timeoutMin * 60_000,
        maxFailedShare: flags.maxFailed / 100,
        minGood: flags.minGood,
      },
      seenWithinMs: flags.seenWithinHours * 3_600_000,
      vehicles,
      memoryFile: join(keysDir(flags), `watch-${kind}-${name}.json`),
    })
    try {
      for (;;) {
        const look = await watching.look(stop, (done, total) => progress(done, total))
        if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
        process.stdout.write(flags.json ? `${JSON.stringify(look)}\n` : `${lookLines(look)}\n`)
        const { is } = look.decision
        if (is === 'abort' || is === 'over') return EXIT.failed
        if (is === 'done' || flags.once) return EXIT.done
        await sleep(flags.everySec * 1000, undefined, { signal: stop })
      }
    } catch (error) {
      if (stop.aborted) return EXIT.interrupted
      throw error
    }
  })
}

function progress(done: number, total: number): void {
  if (!process.stderr.isTTY || total === 0) return
  process.stderr.write(
    `\r\u001b[2Kreading what vehicles told: ${Math.floor((100 * done) / total)} %`,
  )
}

const COLOURS = {
  wait: 'cyan',
  advance: 'green',
  done: 'green',
  abort: 'red',
  over: 'red',
} as const

function lookLines(look: WatchLook): string {
  const { kind, name, version, stage, percent: share, sinceMs, fleet, count, decision } = look
  const out = process.stdout
  const { vehicles, good, failed, timedOut, underWay, silent, notForIt } = count
  const n = formatCount
  return [
    `${paint('bold', `${kind} ${name} ${version}`, out)}, stage ${stage} (${share} % of ${n(fleet)} vehicles) for ${formatSpan(Date.now() - sinceMs)}`,
    `  ${n(vehicles)} in it: ${paint('green', `${n(good)} good`, out)}, ${n(failed)} failed, ${n(timedOut)} timed out, ${n(underWay)} under way, ${n(silent)} silent${notForIt ? `, ${n(notForIt)} without such a slot` : ''}`,
    ...count.reasons.map(({ vehicle, reason }) => `  ${paint('red', vehicle, out)}: ${reason}`),
    `  ${paint(COLOURS[decision.is], decision.is, out)}: ${decision.reason}`,
  ].join('\n')
}

async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  return text.split('\n').flatMap((line) => (line.trim() ? [line.trim()] : []))
}

function kindOf(text: string): ReleaseKind {
  const found = RELEASE_KINDS.find((kind) => kind === text)
  if (found) return found
  throw new InvalidArgumentError(`one of ${RELEASE_KINDS.join(', ')} is wanted.`)
}
