import { BENCHES } from '../benches.ts'
import { fleetRows, killsRows, soakRows } from './long-runs.ts'
import { type RecordedRow, recordedSchema } from './recorded.ts'

/** Something that can be measured by one command, and what of its output is kept. */
export interface Measurement {
  readonly name: string
  /** What its figures say, in one sentence of the page. */
  readonly about: string
  /** As typed in a checkout. Writes JSON to standard output and progress to standard error. */
  readonly command: string
  /** Rows of that JSON; throws where it is something else. */
  readonly rows: (output: unknown) => RecordedRow[]
}

/** What each bench is about; one without a line here stands on the page by its name alone. */
const ABOUT: Readonly<Record<string, string>> = {
  decode: 'DBC decoding: frames to values.',
  condition: 'Conditions of campaigns: from the last reading to a decision.',
  buses: 'Full buses into one agent.',
  buffer: 'The outbox: records kept, and what that writes to the disk.',
  infer: 'One row through a small autoencoder, by each runtime.',
  train: 'Training from the history, straight from the log.',
  faults: 'Slow faults in simulated vehicles, at one false alarm for each vehicle and week.',
  'car-sensor': 'The bundle for the public car sensor data, on rows it has not seen.',
  uplink: 'Exactly once into Kafka.',
  footprint: 'What the installed agent takes of a gateway: memory, processor, disk, start.',
  page: 'What the open page costs the agent.',
  relay: 'Thousands of clients through a depot’s relay into Kafka, the relay killed meanwhile.',
  latency: 'From a reading to its record in the hands of a consumer.',
  backlog: 'A long backlog drained, and the memory it takes.',
}

const benches = Object.keys(BENCHES).map(
  (name): Measurement => ({
    name,
    about: ABOUT[name] ?? `The bench \`${name}\`.`,
    command: `npm run bench -- ${name} --json`,
    rows: (output) => recordedSchema.shape.rows.parse(output),
  }),
)

/** Runs that are no bench of their own: what they tell as JSON becomes rows in `long-runs.ts`. */
const longRuns: readonly Measurement[] = [
  {
    name: 'fleet',
    about: '100,000 vehicles over MQTT 5 through a depot’s relay into tiered Kafka.',
    command: 'npx tsx agent/cli/main.ts fleet simulate --vehicles 100000 --json',
    rows: fleetRows,
  },
  {
    name: 'fleet-limit',
    about:
      'The same fleet with three times as much to say: how far this machine goes, and what holds it.',
    command:
      'npx tsx agent/cli/main.ts fleet simulate --vehicles 100000 --rate 30000 --seconds 20 --json',
    rows: fleetRows,
  },
  {
    name: 'kills',
    about: 'Agents killed under load, the broker stopped and killed, the link cut: the account.',
    command: 'npm run test:faults -- --seed 1 --kills 200 --json',
    rows: killsRows,
  },
  {
    name: 'soak',
    about: 'An hour of seeded troubles on the agent as it is installed, with a full bus.',
    command: 'npm run test:soak -- --minutes 60 --seed 20261127 --json',
    rows: soakRows,
  },
]

/** All of them, in the order of the page. */
export const MEASUREMENTS: readonly Measurement[] = [...benches, ...longRuns]
