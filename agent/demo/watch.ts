import { counted, formatBytes } from '../cli/output.ts'
import { AgentError } from '../error.ts'
import type { AgentStatus } from '../status.ts'
import { type Screen, table } from './screen.ts'
import type { Vehicle } from './vehicle.ts'

const EVERY_MS = 500

/** Sums that the story waits for. */
export interface FleetState {
  readonly records: number
  readonly waiting: number
  readonly sent: number
}

/** Looks at all vehicles twice a second, and shows them. */
export class Watch {
  readonly #vehicles: readonly Vehicle[]
  readonly #screen: Screen
  readonly #link: () => string
  state: FleetState = { records: 0, waiting: 0, sent: 0 }
  /** What the story has to say beside the vehicles. */
  note = ''

  constructor(vehicles: readonly Vehicle[], screen: Screen, link: () => string) {
    this.#vehicles = vehicles
    this.#screen = screen
    this.#link = link
  }

  /** Shows the fleet until `done` says so; throws after `timeoutMs`. */
  async until(done: (state: FleetState) => boolean, timeoutMs: number, what: string) {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      await this.look()
      if (done(this.state)) return
      if (Date.now() > deadline) {
        throw new AgentError('RUN_FAILED', `${what}: not within ${timeoutMs / 1000} s`, {
          hint: 'Is the machine busy? End what else runs, and start the demo again.',
        })
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  }

  async during(ms: number): Promise<void> {
    const end = Date.now() + ms
    await this.until(() => Date.now() >= end, ms + 60_000, 'watching')
  }

  async look(): Promise<void> {
    const all = await Promise.all(this.#vehicles.map((vehicle) => vehicle.status()))
    const rows = all.map((status, i) => row(this.#vehicles[i], status))
    const sum = (pick: (status: AgentStatus) => number): number =>
      all.reduce((total, status) => total + (status ? pick(status) : 0), 0)
    this.state = { records: sum((s) => s.records), waiting: sum(waiting), sent: sum(sent) }
    this.#screen.show([
      ...table(HEADER, rows),
      `${this.#link()}   ${counted(this.state.waiting, 'record')} waiting`,
      ...(this.note ? [this.note] : []),
    ])
  }
}

const HEADER = [
  'vehicle',
  'state',
  'frames',
  'records',
  'waiting',
  'on disk',
  'uplink',
  'model',
  'anomalies',
]

function row(vehicle: Vehicle, status: AgentStatus | undefined): (string | number)[] {
  if (!status) return [vehicle.plan.name, '–', 0, 0, 0, '–', 'starting', '–', 0]
  return [
    vehicle.plan.name,
    status.sensors.some((sensor) => sensor.state === 'live') ? 'driving' : 'parked',
    status.sensors.reduce((total, sensor) => total + sensor.frames, 0),
    status.records,
    waiting(status),
    formatBytes(status.sync?.outbox.fileBytes ?? 0),
    status.sync?.uplink.state ?? 'off',
    modelOf(status),
    status.models.reduce((total, model) => total + model.anomalies, 0),
  ]
}

function waiting(status: AgentStatus): number {
  return Object.values(status.sync?.lanes ?? {}).reduce((total, lane) => total + lane.records, 0)
}

function sent(status: AgentStatus): number {
  return status.sync?.uplink.sentRecords ?? 0
}

/** The bundle at work, and whether it is on trial. */
function modelOf({ models }: AgentStatus): string {
  const [model] = models
  return model ? `${model.hash.slice(0, 8)}${model.trial ? ' trial' : ''}` : '–'
}
