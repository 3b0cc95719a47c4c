import { Command } from 'commander'
import { AgentError } from '../error.ts'
import { findEvent, listEvents } from '../local/events.ts'
import { type Explanation, explain } from '../local/explain.ts'
import { fail, paint } from './output.ts'
import { askOr, type Place, type PlaceOptions, pathWith, placeOf, withPlace } from './place.ts'

const BAR = 20

export function explainCommand(): Command {
  return withPlace(new Command('explain'))
    .argument('[event]', 'its number in "milepost events"; the last anomaly without one')
    .addHelpText(
      'after',
      `
Why an event came about. Of an anomaly: which signals made up its score, what was read, what the model
expected, and what was usual in training. Works when the agent is down.

Examples:
  milepost explain
  milepost explain 42`,
    )
    .action(async (event: string | undefined, options: PlaceOptions) => {
      try {
        const place = placeOf(options)
        const id = event === undefined ? await lastAnomaly(place) : idOf(event)
        const { answer } = await askOr<Explanation>(
          place,
          pathWith('/explain', { event: id }),
          () => {
            const found = findEvent(place.dataDir, id)
            if (found) return explain(found)
            throw new AgentError('NOT_FOUND', `No event ${id} is remembered in ${place.dataDir}.`, {
              hint: 'milepost events lists those that are.',
            })
          },
        )
        if (options.json) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
        else process.stdout.write(`${page(answer).join('\n')}\n`)
      } catch (error) {
        fail(error)
      }
    })
}

async function lastAnomaly(place: Place): Promise<number> {
  const query = { type: 'inference', limit: 20 }
  const { answer } = await askOr(place, pathWith('/events', query), () =>
    listEvents(place.dataDir, { ...query, whole: false }),
  )
  const began = answer.find(({ content }) => content.event === 'begin')
  if (began) return began.id
  throw new AgentError('NOT_FOUND', 'No anomaly is remembered here.', {
    hint: 'Name an event by its number: milepost events.',
  })
}

function idOf(text: string): number {
  const id = Number(text)
  if (Number.isSafeInteger(id) && id > 0) return id
  throw new AgentError('USAGE', `"${text}" is no number of an event.`, {
    hint: 'milepost events shows the numbers.',
  })
}

function page({ event, summary, because, contributors }: Explanation): string[] {
  const out = process.stdout
  const time = new Date(event.timeUs / 1000).toISOString()
  const lines = [paint('bold', `${event.id}  ${time}  ${summary}`, out), ...because]
  if (contributors.length === 0) return lines
  const width = Math.max(...contributors.map(({ signal }) => signal.length))
  lines.push('')
  for (const { signal, share, verdict } of contributors) {
    const bar = '█'.repeat(Math.round(share * BAR)).padEnd(BAR, '·')
    lines.push(
      `${signal.padEnd(width)}  ${paint('red', bar, out)} ${String(Math.round(share * 100)).padStart(3)} %  ${verdict}`,
    )
  }
  return lines
}
