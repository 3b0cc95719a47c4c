import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { startCentral } from '../../deploy/central/central.ts'
import { type FleetOptions, simulateFleet } from '../fleet/fleet.ts'
import { FleetScreen } from '../fleet/fleet-screen.ts'
import { MAX_VEHICLES } from '../fleet/load.ts'
import { mosquittoPath } from '../fleet/mosquitto.ts'
import { fleetReport } from '../fleet/report.ts'
import { whole } from './numbers.ts'
import { EXIT, fail } from './output.ts'
import { stopAsked } from './stop-asked.ts'

interface Flags {
  vehicles: number
  rate: number
  seconds: number
  connections: number
  kills: number
  partitions: number
  bootstrap?: string
  json?: boolean
}

const PERIOD_SEC = 10
const DEFAULT_CONNECTIONS = 2_000

/** `milepost fleet simulate`: the load of a whole fleet on this machine, and the account of it. */
export function fleetCommand(): Command {
  const command = new Command('fleet').description('a whole fleet on one machine')
  command
    .command('simulate')
    .description('cars by the thousand over MQTT 5, through a depot’s relay, into tiered Kafka')
    .option(
      '--vehicles <n>',
      'cars, each with an identity of its own',
      whole(1, MAX_VEHICLES),
      100_000,
    )
    .option(
      '--rate <n>',
      `records a second of all cars; a row per car every ${PERIOD_SEC} s unless said otherwise`,
      whole(1, 1e6),
    )
    .option('--seconds <n>', 'how long they send', whole(1, 86_400), 60)
    .option(
      '--connections <n>',
      `sockets that carry the cars; ${DEFAULT_CONNECTIONS}, or one for each where they are fewer`,
      whole(1, 60_000),
    )
    .option('--kills <n>', 'kill -9 to the relay while they send', whole(0, 100), 0)
    .option('--partitions <n>', 'of the topic', whole(1, 1_000), 3)
    .option(
      '--bootstrap <host:port>',
      'a Kafka that runs already; topics fleet.* stay on it. Else one is started, with its tier, and removed',
    )
    .option('--json', 'for a program')
    .addHelpText(
      'after',
      `
Examples:
  milepost fleet simulate --vehicles 100000              10,000 records/s for a minute
  milepost fleet simulate --vehicles 1000 --seconds 20 --kills 2
  milepost fleet simulate --vehicles 5000 --rate 20000   as fast as this machine can

Needs Mosquitto, and for its own Kafka Java 17 and Maven. Exit code 1 where the account does not
balance: every (vehicle, epoch, seq) is there once and in order.`,
    )
    .action(async (flags: Omit<Flags, 'rate' | 'connections'> & Partial<Flags>) => {
      try {
        const { vehicles } = flags
        process.exitCode = await simulate({
          ...flags,
          rate: flags.rate ?? Math.max(1, Math.round(vehicles / PERIOD_SEC)),
          connections: Math.min(vehicles, flags.connections ?? DEFAULT_CONNECTIONS),
        })
      } catch (error) {
        fail(error)
      }
    })
  return command
}

async function simulate(flags: Flags): Promise<number> {
  // Told before anything is started.
  mosquittoPath()
  const screen = new FleetScreen(flags.json === true)
  const signal = stopAsked(() => screen.step('stopping'))
  const dir = await mkdtemp(join(tmpdir(), 'milepost-central-'))
  const { vehicles, connections, kills, partitions, rate } = flags
  if (!flags.bootstrap) screen.step('Apache Kafka with tiered storage, an S3 server behind it')
  const central = flags.bootstrap
    ? undefined
    : await startCentral({ dataDir: dir, progress: (text) => screen.show(text) })
  try {
    const options: FleetOptions = {
      ...{ vehicles, connections, kills, partitions, signal, recordsPerSec: rate },
      records: Math.max(1, Math.round((flags.seconds * rate) / vehicles)),
      bootstrap: flags.bootstrap ?? central!.bootstrap,
      kafkaPid: central?.pids.broker,
      onStep: (step) => screen.step(step),
      onProgress: (progress) => screen.progress(progress, options),
    }
    const result = await simulateFleet(options)
    const segments = (await central?.tierObjects())?.filter(({ key }) => key.endsWith('.log'))
    screen.clear()
    const report = fleetReport(result, options, segments?.length)
    process.stdout.write(
      flags.json ? `${JSON.stringify(report, null, 2)}\n` : screen.report(report),
    )
    return report.balanced ? EXIT.done : EXIT.failed
  } catch (error) {
    screen.clear()
    if (signal.aborted) return EXIT.interrupted
    throw error
  } finally {
    await central?.stop()
    await rm(dir, { recursive: true, force: true })
  }
}
