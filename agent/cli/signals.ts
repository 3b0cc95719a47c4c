import { Command } from 'commander'
import { nameMatcher } from '../collection/match.ts'
import { latestInRing } from '../local/history/latest.ts'
import type { SignalNow } from '../status.ts'
import { counted, fail, formatSpan } from './output.ts'
import { askOr, type PlaceOptions, pathWith, placeOf, withPlace } from './place.ts'

export function signalsCommand(): Command {
  return withPlace(new Command('signals'))
    .argument('[glob]', 'names wanted; * stands for any run of characters', '*')
    .addHelpText(
      'after',
      `
The latest reading of each signal, with its unit and age. Where the agent is down, the last ones that
it remembered on its disk.

Examples:
  milepost signals
  milepost signals 'Vehicle.*'
  milepost signals '*Temp*' --json | jq '.[].value'`,
    )
    .action(async (glob: string, options: PlaceOptions) => {
      try {
        const place = placeOf(options)
        const path = pathWith('/signals', { match: glob })
        const { answer, offline } = await askOr<SignalNow[]>(place, path, () =>
          latestInRing(place.dataDir, nameMatcher([glob])),
        )
        const sorted = [...answer].sort((a, b) => a.name.localeCompare(b.name))
        if (options.json) return void process.stdout.write(`${JSON.stringify(sorted, null, 2)}\n`)
        const newest = sorted.reduce((max, { timeUs }) => Math.max(max, timeUs), 0)
        const nowUs = offline ? newest : Math.max(newest, Date.now() * 1000)
        for (const line of table(sorted, nowUs)) process.stdout.write(`${line}\n`)
        const when = offline ? `; the agent is down, ages are from ${iso(newest)}` : ''
        process.stderr.write(`${counted(sorted.length, 'signal')}${when}\n`)
      } catch (error) {
        fail(error)
      }
    })
}

function table(signals: readonly SignalNow[], nowUs: number): string[] {
  const width = signals.reduce((max, { name }) => Math.max(max, name.length), 0)
  return signals.map(({ name, value, unit, timeUs }) => {
    // JSON has no NaN: it comes as null.
    const shown = value === null ? 'NaN' : String(Number(value.toPrecision(9)))
    return `${name.padEnd(width)}  ${shown.padStart(14)} ${unit.padEnd(8)} ${formatSpan((nowUs - timeUs) / 1000)}`
  })
}

function iso(timeUs: number): string {
  return timeUs > 0 ? new Date(timeUs / 1000).toISOString() : 'never'
}
