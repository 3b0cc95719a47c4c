import { createWriteStream } from 'node:fs'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Command } from 'commander'
import { SensorError } from '../../sensors/errors.ts'
import { FrameBatch } from '../../sensors/frame.ts'
import { formatCandump } from '../../sensors/replay/format.ts'
import type { BusNames } from '../../sensors/replay/interfaces.ts'
import { readLog } from '../../sensors/replay/log-file.ts'
import { readerFor } from '../../sensors/replay/log-reader.ts'
import { Buses } from '../buses.ts'
import { AgentError } from '../error.ts'
import { logBuses } from './log-buses.ts'
import { counted, EXIT, quietPipe } from './output.ts'

interface Options {
  out: string
}

/** `milepost convert`: a log of any format that can be read, as candump. */
export function convertCommand(): Command {
  return new Command('convert')
    .argument('<log...>', 'CAN logs of any known format, plain or gzip; - is standard input')
    .option('--out <file>', 'where to write; a name in .gz is packed; - is standard output', '-')
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
  const source = Readable.from(linesOf(logs), { objectMode: false })
  if (out === '-') {
    quietPipe()
    await pipeline(source, process.stdout, { end: false })
    return
  }
  const target = createWriteStream(out)
  try {
    if (out.endsWith('.gz')) await pipeline(source, createGzip(), target)
    else await pipeline(source, target)
  } catch (cause) {
    if (cause instanceof SensorError) throw cause
    throw new AgentError('USAGE', `Cannot write ${out}: ${(cause as Error).message}`, {
      cause,
      hint: 'Name a file in a folder that exists and can be written to, with --out.',
    })
  }
}

async function* linesOf(logs: readonly string[]): AsyncGenerator<string> {
  const buses = logBuses(new Buses())
  for (const log of logs) yield* linesOfOne(log, buses)
}

async function* linesOfOne(log: string, buses: BusNames): AsyncGenerator<string> {
  const say = (text: string): boolean => process.stderr.write(`${log}: ${text}\n`)
  const reader = readerFor(buses)
  const batch = new FrameBatch()
  const cutOff = (): boolean => say('the gzip file ends in the middle: what it has was converted')
  for await (const chunk of log === '-' ? process.stdin : readLog(resolve(log), cutOff)) {
    reader.push(chunk as Uint8Array)
    yield* take()
  }
  reader.end()
  yield* take()
  const malformed =
    reader.malformed > 0 ? `, ${counted(reader.malformed, 'piece')} skipped: no frame` : ''
  if (reader.frames === 0 && reader.malformed > 0) process.exitCode = EXIT.failed
  say(`${counted(reader.frames, 'frame')} of format ${reader.format ?? 'unknown'}${malformed}`)

  function* take(): Generator<string> {
    let more = true
    while (more) {
      more = reader.fill(batch)
      let text = ''
      for (let i = 0; i < batch.count; i++) text += `${formatCandump(batch, i, buses)}\n`
      batch.count = 0
      if (text !== '') yield text
    }
  }
}
