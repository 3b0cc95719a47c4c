import { Command } from 'commander'
import { nameMatcher } from '../collection/match.ts'
import { type ListedEvent, listEvents } from '../local/events.ts'
import { type HistoryAnswer, queryHistory } from '../local/history/query.ts'
import { momentOf } from './moment.ts'
import { number, whole } from './numbers.ts'
import { counted, fail, formatCount, paint } from './output.ts'
import { askOr, type PlaceOptions, pathWith, placeOf, withPlace } from './place.ts'
import { terminalColumns } from './wrap.ts'

interface Options extends PlaceOptions {
  readonly signal: string
  readonly minutes: number
  readonly points?: number
}

const DEFAULT_MINUTES = 1
const BARS = '▁▂▃▄▅▆▇█'
const MAX_MARKS = 40
const MIN_MARKS = 8
/** Columns of a line for the value, its unit and its range. */
const BESIDE_MARKS = 43
const JSON_POINTS = 600
/** The most that the window of a question may be to either side. */
const MAX_MINUTES = 24 * 60

export function recallCommand(): Command {
  return withPlace(new Command('recall'))
    .argument('[time]', '14:10, 14:10:30, "10min ago" or 2026-11-23T14:10', '1min ago')
    .option(
      '--signal <glob>',
      'names wanted, with commas between; * for any run of characters',
      '*',
    )
    .option(
      '--minutes <n>',
      'how far to look to either side',
      number(0.001, MAX_MINUTES),
      DEFAULT_MINUTES,
    )
    .option('--points <n>', 'points a signal with --json', whole(2, 5000), JSON_POINTS)
    .addHelpText(
      'after',
      `
What happened at a time, from the vehicle's own memory, without network and without an agent: of each
signal its value then, least and most around it, and its course; and the events of that time. Every
reading of the last minutes is there, one a second of the last hours, one in ten seconds of a day.
What reached Kafka is read with "milepost history".

Examples:
  milepost recall 14:10
  milepost recall 14:10 --signal 'Battery.*,Engine.Rpm' --minutes 5
  milepost recall '2h ago' --minutes 120 --json`,
    )
    .action(async (time: string, options: Options) => {
      try {
        await recall(time, options)
      } catch (error) {
        fail(error)
      }
    })
}

async function recall(time: string, options: Options): Promise<void> {
  const place = placeOf(options)
  const atUs = momentOf(time, Date.now()) * 1000
  const aroundUs = options.minutes * 60e6
  const [fromUs, toUs] = [atUs - aroundUs, atUs + aroundUs]
  const points = options.json ? (options.points ?? JSON_POINTS) : MAX_MARKS
  const range = { fromUs, toUs }
  const asked = pathWith('/history', { ...range, signal: options.signal, points })
  const { answer } = await askOr<HistoryAnswer>(place, asked, () =>
    queryHistory({
      dataDir: place.dataDir,
      wanted: nameMatcher(options.signal.split(',')),
      ...range,
      points,
    }),
  )
  const query = { ...range, limit: 100, whole: false }
  const { answer: events } = await askOr<ListedEvent[]>(place, pathWith('/events', query), () =>
    listEvents(place.dataDir, query),
  )
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ atUs, ...answer, events }, null, 2)}\n`)
    return
  }
  for (const line of page(atUs, answer, events)) process.stdout.write(`${line}\n`)
}

function page(atUs: number, answer: HistoryAnswer, events: readonly ListedEvent[]): string[] {
  const { series, tiers, fromUs, toUs, moreSeries, damagedBytes } = answer
  const out = process.stdout
  const at = (us: number): string => new Date(us / 1000).toLocaleTimeString('en-GB')
  const lines = [
    paint(
      'bold',
      `${new Date(atUs / 1000).toLocaleString('sv-SE')}, from ${at(fromUs)} to ${at(toUs)}`,
      out,
    ),
  ]
  const width = series.reduce((max, { name }) => Math.max(max, name.length), 0)
  const marks = Math.max(
    MIN_MARKS,
    Math.min(MAX_MARKS, terminalColumns(out) - width - BESIDE_MARKS),
  )
  for (const { name, unit, points: found } of series) {
    const then = found.reduce((best, point) =>
      Math.abs(point[0] - atUs) < Math.abs(best[0] - atUs) ? point : best,
    )
    const min = Math.min(...found.map((point) => point[1]))
    const max = Math.max(...found.map((point) => point[2]))
    lines.push(
      `${name.padEnd(width)}  ${short(then[3]).padStart(10)} ${unit.padEnd(6)} ${spark(found, fromUs, toUs, marks)}  ${short(min)} to ${short(max)}`,
    )
  }
  if (series.length === 0) {
    lines.push('No reading of that time is remembered here: none matched, or it is too long ago.')
  }
  for (const { id, timeUs, summary } of [...events].reverse()) {
    lines.push(`${paint('cyan', 'event', out)} ${id}  ${at(timeUs)}  ${summary}`)
  }
  const finest = [...new Set(tiers.map(({ tier }) => tier))].filter((tier) =>
    tiers.some((one) => one.tier === tier && one.fromUs <= toUs && one.toUs >= fromUs),
  )
  if (finest.length > 0) lines.push(`resolution: ${finest[0]}`)
  if (moreSeries > 0) lines.push(`${formatCount(moreSeries)} more signals match: narrow --signal`)
  if (damagedBytes > 0)
    lines.push(`${counted(damagedBytes, 'byte')} could not be read (torn or damaged)`)
  return lines
}

/** The course of a signal in one line, each mark the last value of its stretch of time. */
function spark(
  found: HistoryAnswer['series'][number]['points'],
  fromUs: number,
  toUs: number,
  count: number,
): string {
  const marks = new Array<string>(count).fill(' ')
  const values = found.map((point) => point[3])
  const [min, max] = [Math.min(...values), Math.max(...values)]
  for (const [timeUs, , , last] of found) {
    const i = Math.min(count - 1, Math.floor(((timeUs - fromUs) / (toUs - fromUs)) * count))
    const level = max > min ? (last - min) / (max - min) : 0.5
    marks[i] = BARS[Math.round(level * (BARS.length - 1))] ?? ' '
  }
  return marks.join('')
}

function short(value: number | null): string {
  return value === null ? 'NaN' : String(Number(value.toPrecision(6)))
}
