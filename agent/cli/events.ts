import { Command } from 'commander'
import { askLines } from '../control/client.ts'
import { isEvent, shortType, summaryOf } from '../local/event.ts'
import { type ListedEvent, listEvents } from '../local/events.ts'
import { whole } from './numbers.ts'
import { EXIT, fail, paint, quietPipe } from './output.ts'
import { askOr, type PlaceOptions, pathWith, placeOf, withPlace } from './place.ts'
import { stopAsked } from './stop-asked.ts'

interface Options extends PlaceOptions {
  readonly type?: string
  readonly limit: number
  readonly follow?: boolean
}

const DEFAULT_LIMIT = 20

export function eventsCommand(): Command {
  return withPlace(new Command('events'))
    .option('--type <glob>', 'of this type only: inference, capture, dtc, sensor.gap, operated, …')
    .option('--limit <n>', 'at most so many', whole(1, 1000), DEFAULT_LIMIT)
    .option('-f, --follow', 'then go on with new ones as they come, until Ctrl-C')
    .addHelpText(
      'after',
      `
What happened, the oldest first: anomalies, captures, trouble codes, sensors that fell silent, and what
people did. The number in front is what "milepost explain" takes. Works when the agent is down.

Examples:
  milepost events --type inference
  milepost events -f
  milepost events --json --limit 1 | jq '.[0].content'`,
    )
    .action(async (options: Options) => {
      try {
        const place = placeOf(options)
        quietPipe()
        const { type, limit } = options
        const whole = options.json === true
        const path = pathWith('/events', { type, limit, whole })
        const { answer } = await askOr<ListedEvent[]>(place, path, () =>
          listEvents(place.dataDir, { type, limit, whole }),
        )
        if (options.json && !options.follow) {
          process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
        } else {
          for (const event of [...answer].reverse()) {
            process.stdout.write(`${options.json ? JSON.stringify(event) : eventLine(event)}\n`)
          }
        }
        if (options.follow) await follow(options, place.socket)
      } catch (error) {
        fail(error)
      }
    })
}

async function follow({ json }: Options, socket: string): Promise<void> {
  const lines = askLines<Partial<ListedEvent>>(socket, '/live/events', stopAsked())
  for await (const line of lines) {
    if (line.type === undefined || !isEvent(line.type)) continue
    // It gets its number when it is remembered.
    const event = { id: 0, ...line } as ListedEvent
    const shown = json ? JSON.stringify(line) : eventLine({ ...event, summary: summaryOf(event) })
    process.stdout.write(`${shown}\n`)
  }
  process.exit(EXIT.done)
}

function eventLine({ id, type, timeUs, summary }: ListedEvent): string {
  const time = new Date(timeUs / 1000).toISOString().replace('T', ' ').slice(0, 19)
  const short = shortType(type)
  const kind = paint(short === 'inference' ? 'red' : 'cyan', short.padEnd(14), process.stdout)
  return `${(id || '').toString().padStart(6)}  ${time}  ${kind}  ${summary}`
}
