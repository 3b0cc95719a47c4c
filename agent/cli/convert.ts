import { Command } from 'commander'
import { FrameBatch } from '../../sensors/frame.ts'
import { formatCandump } from '../../sensors/replay/format.ts'
import type { BusNames } from '../../sensors/replay/interfaces.ts'
import { type LogReader, readerFor } from '../../sensors/replay/log-reader.ts'
import { Buses } from '../buses.ts'
import { logBuses } from './log-buses.ts'
import { LogInput } from './log-input.ts'
import { counted, EXIT } from './output.ts'
import { Progress, paceText } from './progress.ts'
import { stopAsked } from './stop-asked.ts'
import { goesToFile, writeText } from './text-out.ts'

interface Options {
  out: string
}

/** `milepost convert`: a log of any format that can be read, as candump. */
export function convertCommand(): Command {
  return new Command('convert')
    .argument('<log...>', 'CAN logs of any known format, plain or gzip; - is standard input')
    .option(
      '-o, --out <file>',
      'where to write; a name in .gz is packed; - is standard output',
      '-',
    )
    .addHelpText(
      'after',
      `
Reads candump, Vector ASC and BLF, PCAN TRC, GVRET CSV, BusMaster and Microchip, told by their content.
Several logs are written one after the other. DBC files are what milepost decodes by; KCD, ARXML and
others are made into DBC by cantools: pip install cantools, then cantools convert car.kcd car.dbc

Examples:
  milepost convert drive.blf --out drive.log.gz
  milepost convert drive.asc | milepost decode --dbc car.dbc -`,
    )
    .action(convert)
}

async function convert(logs: string[], { out }: Options): Promise<void> {
  const stop = stopAsked()
  const progress = new Progress()
  const shown = goesToFile(out)
  const input = new LogInput(logs, stop)
  await writeText(
    linesOf(logs, input, (frames) => {
      if (shown) progress.tell((passedMs) => paceText(frames, 'frame', passedMs, input.part))
    }),
    out,
  )
  progress.end()
  if (stop.aborted) process.exitCode = EXIT.interrupted
}

async function* linesOf(
  logs: readonly string[],
  input: LogInput,
  read: (frames: number) => void,
): AsyncGenerator<string> {
  const buses = logBuses(new Buses())
  let before = 0
  for (const log of logs) {
    const say = (text: string): boolean => process.stderr.write(`${log}: ${text}\n`)
    const reader = readerFor(buses)
    const cutOff = (): boolean => say('the gzip file ends in the middle: what it has was converted')
    for await (const chunk of input.read(log, cutOff)) {
      reader.push(chunk)
      yield* linesIn(reader, buses)
      read(before + reader.frames)
    }
    if (!input.stopped) reader.end()
    yield* linesIn(reader, buses)
    before += reader.frames
    const malformed =
      reader.malformed > 0 ? `, ${counted(reader.malformed, 'piece')} skipped: no frame` : ''
    if (reader.frames === 0 && reader.malformed > 0) process.exitCode = EXIT.failed
    const of = `${counted(reader.frames, 'frame')} of format ${reader.format ?? 'unknown'}`
    say(`${input.stopped ? 'stopped after ' : ''}${of}${malformed}`)
    if (input.stopped) return
  }
}

/** The lines of all frames that the reader has. */
function* linesIn(reader: LogReader, buses: BusNames): Generator<string> {
  const batch = new FrameBatch()
  let more = true
  while (more) {
    more = reader.fill(batch)
    let text = ''
    for (let i = 0; i < batch.count; i++) text += `${formatCandump(batch, i, buses)}\n`
    batch.count = 0
    if (text !== '') yield text
  }
}
