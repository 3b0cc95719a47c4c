import { existsSync } from 'node:fs'
import { Command } from 'commander'
import type { OutboxStat } from '../../sync/outbox/stat.ts'
import { loadConfig } from '../config/load.ts'
import { outboxPath } from '../data-dir.ts'
import { type ListedEvent, listEvents } from '../local/events.ts'
import type { AgentStatus } from '../status.ts'
import { outboxAtRest } from './outbox-at-rest.ts'
import { fail, formatBytes, formatCount, paint } from './output.ts'
import { askOr, type Place, type PlaceOptions, placeOf, withPlace } from './place.ts'
import { HANGING, statusScreen } from './status-screen.ts'
import { terminalColumns, wrapped } from './wrap.ts'

/** What can be told of an agent that is down. */
interface DownStatus {
  readonly state: 'down'
  readonly dataDir: string
  readonly outbox?: OutboxStat
  readonly events: readonly ListedEvent[]
}

const LAST_EVENTS = 5

export function statusCommand(): Command {
  return withPlace(new Command('status'))
    .addHelpText(
      'after',
      `
One screen: identity, clock, sensors, decoding, models, outbox by lane, uplink with its last error and
what to do, updates, disk. Where the agent is down, what its files say.

Examples:
  milepost status                    the installed agent, or the simulated one of this folder
  milepost status -c milepost.yaml
  milepost status --json | jq .sync.lanes`,
    )
    .action(async (options: PlaceOptions) => {
      try {
        const place = placeOf(options)
        const { answer } = await askOr<AgentStatus | DownStatus>(place, '/status', () =>
          down(place),
        )
        if (options.json) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
        else {
          const lines = answer.state === 'down' ? downScreen(answer) : statusScreen(answer)
          const fitting = wrapped(lines, terminalColumns(process.stdout), HANGING)
          process.stdout.write(`${fitting.join('\n')}\n`)
        }
        if (answer.state === 'down') process.exitCode = 1
      } catch (error) {
        fail(error)
      }
    })
}

async function down({ dataDir, configFile }: Place): Promise<DownStatus> {
  const events = listEvents(dataDir, { limit: LAST_EVENTS, whole: false })
  const path = outboxPath(dataDir)
  if (!existsSync(path)) return { state: 'down', dataDir, events }
  const key = configFile ? loadConfig(configFile).outbox.key : undefined
  const box = await outboxAtRest(path, key)
  try {
    return { state: 'down', dataDir, outbox: box.stat(), events }
  } finally {
    box.close()
  }
}

function downScreen({ dataDir, outbox, events }: DownStatus): string[] {
  const head = (text: string): string => paint('bold', text.padEnd(9), process.stdout)
  const lines = [
    `${head('agent')} ${paint('red', 'down', process.stdout)}, data in ${dataDir}`,
    ...(outbox
      ? [
          `${head('vehicle')} ${outbox.vehicle}`,
          ...Object.entries(outbox.lanes).map(
            ([lane, { records, bytes }]) =>
              `${head('lane')} ${lane.padEnd(9)} ${formatCount(records)} waiting, ${formatBytes(bytes)}`,
          ),
          `${head('outbox')} ${formatBytes(outbox.fileBytes)} on disk`,
        ]
      : [`${head('outbox')} none: no agent has run with this folder`]),
    ...events.map(
      ({ id, timeUs, summary }) =>
        `${head('event')} ${id}  ${new Date(timeUs / 1000).toISOString()}  ${summary}`,
    ),
    'Next: milepost doctor',
  ]
  return lines
}
