import { Command } from 'commander'
import { FRAME_ERR, FRAME_FD, FRAME_RTR } from '../../sensors/frame.ts'
import type { LiveFrame } from '../api/operations/live.ts'
import { askLines } from '../control/client.ts'
import { whole } from './numbers.ts'
import { EXIT, fail, formatCount, paint, quietPipe } from './output.ts'
import { type PlaceOptions, pathWith, placeOf, withPlace } from './place.ts'
import { stopAsked } from './stop-asked.ts'

interface Options extends PlaceOptions {
  readonly bus?: string
  readonly id?: string
  readonly count?: number
}

export function framesCommand(): Command {
  return withPlace(new Command('frames'))
    .option('--bus <name>', 'frames of this bus only')
    .option('--id <hex>', 'frames of this identifier only')
    .option('-n, --count <n>', 'stop after so many', whole(1))
    .addHelpText(
      'after',
      `
CAN frames as they come, like candump, with what the DBC files make of them beside. At most 2,000 a
second are shown; the rest is counted on standard error. Nothing is sent on the bus.

Examples:
  milepost frames
  milepost frames --bus can0 --id 7E8
  milepost frames -n 100 --json | jq -r .message | sort | uniq -c`,
    )
    .action(async (options: Options) => {
      try {
        await show(options)
        process.exit(EXIT.done)
      } catch (error) {
        fail(error)
      }
    })
}

async function show(options: Options): Promise<void> {
  const stopped = stopAsked()
  quietPipe()
  const path = pathWith('/live/frames', { bus: options.bus, id: options.id })
  let [shown, lost] = [0, 0]
  const lines = askLines<LiveFrame | { skipped: number } | { lost: number }>(
    placeOf(options).socket,
    path,
    stopped,
  )
  for await (const line of lines) {
    if ('skipped' in line) lost += line.skipped
    else if ('lost' in line) lost += line.lost
    else {
      process.stdout.write(`${options.json ? JSON.stringify(line) : frameLine(line)}\n`)
      if (++shown === options.count) break
    }
  }
  if (lost > 0) process.stderr.write(`${formatCount(lost)} more frames were not shown\n`)
}

/** `(1436509052.249713)  can0  7E8   [8]  04 41 0D 32 …  Engine Speed=50` */
export function frameLine({
  timeUs,
  bus,
  id,
  ext,
  flags,
  data,
  message,
  signals,
}: LiveFrame): string {
  const time = (timeUs / 1e6).toFixed(6)
  const name = id
    .toString(16)
    .toUpperCase()
    .padStart(ext ? 8 : 3, '0')
  const bytes = data.toUpperCase().match(/../g) ?? []
  const payload = flags & FRAME_RTR ? 'remote request' : bytes.join(' ')
  const length =
    flags & FRAME_FD ? `[${String(bytes.length).padStart(2, '0')}]` : `[${bytes.length}]`
  const kind = flags & FRAME_ERR ? 'error frame' : ''
  const values = Object.entries(signals ?? {}).map(([signal, value]) => `${signal}=${short(value)}`)
  const decoded = message ? paint('cyan', `${message} ${values.join(' ')}`, process.stdout) : kind
  return `(${time})  ${bus}  ${name.padStart(8)}  ${length.padStart(4)}  ${payload.padEnd(23)}  ${decoded}`.trimEnd()
}

/** Without the noise of binary fractions. */
function short(value: number | string): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(12))) : value
}
