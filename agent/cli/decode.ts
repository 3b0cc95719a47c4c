import { once } from 'node:events'
import { Command } from 'commander'
import { DatabaseSet } from '../../sensors/dbc/database-set.ts'
import { loadDbc } from '../../sensors/dbc/parse.ts'
import { FrameBatch } from '../../sensors/frame.ts'
import { type LogReader, readerFor } from '../../sensors/replay/log-reader.ts'
import { Buses } from '../buses.ts'
import { AgentError } from '../error.ts'
import { DecodedLines } from './decoded-lines.ts'
import { logBuses } from './log-buses.ts'
import { LogInput } from './log-input.ts'
import { counted, EXIT, formatCount, paint, quietPipe } from './output.ts'
import { Progress, paceText } from './progress.ts'
import { stopAsked } from './stop-asked.ts'
import { goesToFile } from './text-out.ts'

/** Warnings about DBC files shown before the rest is only counted. */
const MAX_SHOWN_WARNINGS = 8

/** `milepost decode`: a CAN log and DBC files in, JSON lines out. */
export function decodeCommand(): Command {
  return new Command('decode')
    .argument('[log]', 'CAN log of any known format, plain or gzip, or - for standard input')
    .requiredOption(
      '--dbc <file...>',
      'DBC files; where two describe one identifier, the first is used',
    )
    .option('--raw', 'unscaled integers instead of values in their unit')
    .addHelpText(
      'after',
      `
Writes one JSON line for each frame that the DBC files describe:
  {"timeUs":…,"bus":"can0","id":291,"ext":false,"message":"Engine","signals":{"Speed":812.5}}
Integers beyond 2^53, NaN and infinities are strings. Signals of an inactive multiplexer branch, and
those that a frame is too short for, are absent. What was not decoded is counted on standard error.

Logs: candump, Vector ASC and BLF, PCAN TRC, GVRET CSV, BusMaster, Microchip; told by their content.

Examples:
  milepost decode --dbc car.dbc drive.log
  candump -L can0 | milepost decode --dbc body.dbc engine.dbc -`,
    )
    .action(async (log: string | undefined, options: { dbc: string[]; raw?: boolean }) => {
      const files = [...options.dbc]
      // `--dbc a.dbc b.dbc LOG`: the option takes everything, the last one is the log.
      const source = log ?? (files.length > 1 ? files.pop() : undefined)
      if (source === undefined) {
        throw new AgentError('USAGE', 'no log to decode', {
          hint: 'Name a CAN log after the DBC files, or - for standard input.',
        })
      }
      process.exitCode = await decodeLog(source, files, options.raw ?? false)
    })
}

async function decodeLog(source: string, files: readonly string[], raw: boolean): Promise<number> {
  quietPipe()
  const databases = new DatabaseSet(await Promise.all(files.map(loadDbc)))
  warn(databases)
  const buses = new Buses()
  const reader = readerFor(logBuses(buses))
  const lines = new DecodedLines(databases, buses, raw)
  const batch = new FrameBatch()
  /** Writes the lines of all bytes that the reader has; a slow pipe is to be seen as it comes. */
  const take = async (): Promise<void> => {
    let more = true
    while (more) {
      more = reader.fill(batch)
      lines.add(batch)
      batch.count = 0
      await write(lines.take())
    }
  }

  const input = new LogInput([source], stopAsked())
  const progress = new Progress()
  const shown = goesToFile()
  for await (const chunk of input.read(source, cutOff)) {
    reader.push(chunk)
    await take()
    const pace = (ms: number): string => paceText(reader.frames, 'frame', ms, input.part)
    if (shown) progress.tell(pace)
  }
  progress.end()
  // A line that a stop cut in two is not a wrong one.
  if (!input.stopped) reader.end()
  await take()
  summarize(reader, lines)
  return input.stopped ? EXIT.interrupted : EXIT.done
}

async function write(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain')
}

function cutOff(): void {
  process.stderr.write('the gzip file ends in the middle: what it has was decoded\n')
}

function warn(databases: DatabaseSet): void {
  const warnings = databases.databases.flatMap((database) => database.warnings)
  const texts = warnings.map(({ file, line, reason }) => `${file}:${line}: ${reason}`)
  for (const { used, ignored } of databases.conflicts) {
    texts.push(
      `${ignored.file}:${ignored.line}: message ${ignored.name} has the identifier of ${used.name} (${used.file}:${used.line}), which is used`,
    )
  }
  for (const text of texts.slice(0, MAX_SHOWN_WARNINGS)) {
    process.stderr.write(`${paint('yellow', 'warning:', process.stderr)} ${text}\n`)
  }
  const more = texts.length - MAX_SHOWN_WARNINGS
  if (more > 0) process.stderr.write(`… and ${counted(more, 'more warning')}\n`)
}

function summarize(reader: LogReader, lines: DecodedLines): void {
  const say = (text: string): boolean => process.stderr.write(`${text}\n`)
  say(`${counted(reader.frames, 'frame')}, ${formatCount(lines.decoded)} decoded`)
  if (lines.unknown > 0) {
    const more = lines.moreIds ? 'more than ' : ''
    const ids = `${more}${counted(lines.unknownIds, 'unknown id')}`
    say(`${counted(lines.unknown, 'frame')} of ${ids}`)
  }
  if (lines.short > 0) say(`${counted(lines.short, 'frame')} too short for all of their signals`)
  if (lines.skipped > 0) say(`${counted(lines.skipped, 'error or remote frame')} skipped`)
  if (reader.malformed > 0) say(`${counted(reader.malformed, 'line')} skipped: no frame`)
}
