import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Command, InvalidArgumentError, Option } from 'commander'
import { formatCandump } from '../../sensors/replay/candump.ts'
import { type Drive, simulateDrive } from '../../sensors/simulator/drive.ts'
import { PROFILES, type Profile } from '../../sensors/simulator/driver.ts'
import { FAULT_KINDS, type FaultKind, type FaultPlan } from '../../sensors/simulator/faults.ts'
import { AgentError } from '../error.ts'
import { number } from './numbers.ts'
import { counted, quietPipe } from './output.ts'

interface Options {
  seconds: number
  seed: number
  fault: FaultPlan[]
  profile: Profile
  rateScale: number
  interface: string
  out: string
}

/** `milepost simulate`: a drive of the simulated vehicle as a candump log. */
export function simulateCommand(): Command {
  return new Command('simulate')
    .description('write the CAN log of a simulated drive, in candump format')
    .option('--seconds <n>', 'length of the drive', number(0.01, 1e7), 60)
    .option('--seed <n>', 'the same seed gives the same drive', number(-2147483648, 4294967295), 1)
    .option(
      '--fault <kind@sec[:rate]>',
      `break something: ${FAULT_KINDS.join(', ')}; may be repeated`,
      fault,
      [],
    )
    .addOption(
      new Option('--profile <name>', 'where to drive')
        .choices(PROFILES)
        .default('mixed' as Profile),
    )
    .option('--rate-scale <factor>', '0.1: each message ten times rarer', number(0.001, 1), 1)
    .option('--interface <name>', 'name of the CAN interface in the log', 'can0')
    .option(
      '--out <file>',
      'where to write; a name in .gz is compressed; - is standard output',
      '-',
    )
    .addHelpText(
      'after',
      `
Examples:
  milepost simulate --seconds 600 --seed 7 --fault coolant@300 --out drive.log.gz
  milepost simulate | milepost decode --dbc sensors/simulator/vehicle.dbc -`,
    )
    .action(simulate)
}

async function simulate(options: Options): Promise<void> {
  const { fault: faults, ...rest } = options
  const drive = simulateDrive({ ...rest, faults })
  const count = { frames: 0 }
  const source = Readable.from(chunks(drive, options.interface, count), { objectMode: false })
  if (options.out === '-') {
    quietPipe()
    await pipeline(source, process.stdout, { end: false })
  } else {
    const target = createWriteStream(options.out)
    try {
      if (options.out.endsWith('.gz')) await pipeline(source, createGzip({ level: 9 }), target)
      else await pipeline(source, target)
    } catch (cause) {
      throw new AgentError('USAGE', `Cannot write ${options.out}: ${(cause as Error).message}`, {
        cause,
        hint: 'Name a file in a folder that exists and can be written to, with --out.',
      })
    }
  }
  process.stderr.write(
    `${counted(count.frames, 'frame')}, ${options.seconds} s, ${drive.vehicle.tripKm.toFixed(2)} km\n`,
  )
}

/** One piece of text for each batch; the next is only driven when the reader wants it. */
function* chunks(drive: Drive, name: string, count: { frames: number }): Generator<string> {
  const names = { nameOf: () => name }
  for (const batch of drive) {
    let text = ''
    for (let i = 0; i < batch.count; i++) text += `${formatCandump(batch, i, names)}\n`
    count.frames += batch.count
    yield text
  }
}

function fault(text: string, before: FaultPlan[]): FaultPlan[] {
  const match = /^([a-z-]+)@(\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?$/.exec(text)
  const kind = match?.[1] as FaultKind
  if (!match || !FAULT_KINDS.includes(kind)) {
    throw new InvalidArgumentError(
      `Expected kind@seconds, such as coolant@300, or kind@seconds:rate. Kinds: ${FAULT_KINDS.join(', ')}.`,
    )
  }
  return [...before, { kind, atSec: Number(match[2]), rate: Number(match[3] ?? 1) }]
}
