import { Command, InvalidArgumentError, Option } from 'commander'
import { formatCandump } from '../../sensors/replay/candump.ts'
import { type Drive, simulateDrive } from '../../sensors/simulator/drive.ts'
import { PROFILES, type Profile } from '../../sensors/simulator/driver.ts'
import { FAULT_KINDS, type FaultKind, type FaultPlan } from '../../sensors/simulator/faults.ts'
import { number } from './numbers.ts'
import { counted, EXIT } from './output.ts'
import { Progress, paceText } from './progress.ts'
import { stopAsked } from './stop-asked.ts'
import { goesToFile, writeText } from './text-out.ts'

interface Options {
  seconds: number
  seed: number
  fault?: FaultPlan[]
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
    )
    .addOption(
      new Option('--profile <name>', 'where to drive')
        .choices(PROFILES)
        .default('mixed' as Profile),
    )
    .option('--rate-scale <factor>', '0.1: each message ten times rarer', number(0.001, 1), 1)
    .option('--interface <name>', 'name of the CAN interface in the log', 'can0')
    .option(
      '-o, --out <file>',
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
  const { fault: faults = [], seconds, out, ...rest } = options
  const stop = stopAsked()
  const drive = simulateDrive({ ...rest, seconds, faults })
  const progress = new Progress()
  const shown = goesToFile(out)
  let frames = 0
  await writeText(
    textOf(drive, options.interface, stop, (count) => {
      frames += count
      const part = drive.vehicle.timeUs / (seconds * 1e6)
      if (shown) progress.tell((passedMs) => paceText(frames, 'frame', passedMs, part))
    }),
    out,
  )
  progress.end()
  const { timeUs, tripKm } = drive.vehicle
  const driven = stop.aborted ? `stopped after ${(timeUs / 1e6).toFixed(1)}` : seconds
  process.stderr.write(`${counted(frames, 'frame')}, ${driven} s, ${tripKm.toFixed(2)} km\n`)
  if (stop.aborted) process.exitCode = EXIT.interrupted
}

/** One piece of text for each batch; the next is only driven when the reader wants it. */
function* textOf(
  drive: Drive,
  name: string,
  stop: AbortSignal,
  driven: (frames: number) => void,
): Generator<string> {
  const names = { nameOf: () => name }
  for (const batch of drive) {
    if (stop.aborted) return
    let text = ''
    for (let i = 0; i < batch.count; i++) text += `${formatCandump(batch, i, names)}\n`
    driven(batch.count)
    yield text
  }
}

function fault(text: string, before: FaultPlan[] = []): FaultPlan[] {
  const match = /^([a-z-]+)@(\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?$/.exec(text)
  const kind = match?.[1] as FaultKind
  if (!match || !FAULT_KINDS.includes(kind)) {
    throw new InvalidArgumentError(
      `Expected kind@seconds, such as coolant@300, or kind@seconds:rate. Kinds: ${FAULT_KINDS.join(', ')}.`,
    )
  }
  return [...before, { kind, atSec: Number(match[2]), rate: Number(match[3] ?? 1) }]
}
