import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Central, startCentral } from '../../deploy/central/central.ts'
import { freePort } from '../../deploy/central/ports.ts'
import { milepostTopics } from '../../deploy/central/topics.ts'
import { formatBytes, formatCount } from '../cli/output.ts'
import { takeAccount } from './account.ts'
import { Link } from './link.ts'
import { FLEET } from './plan.ts'
import { report } from './report.ts'
import type { Screen } from './screen.ts'
import { firstSegments, tieredAway } from './segments.ts'
import { Vehicle } from './vehicle.ts'
import { Watch } from './watch.ts'

const DRIVE_MS = 15_000
const OFFLINE_MS = 15_000
/** All the drive that the planted faults need to show, the offline part included. */
const WHOLE_DRIVE_MS = 62_000
const DRAIN_LIMIT_MS = 60_000
const TIER_LIMIT_MS = 60_000
const TIER_LOOK_MS = 500

/** The demo with a real Kafka. Answers the exit code: 1 where the account does not balance. */
export async function driveWithCentral(screen: Screen): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'milepost-demo-'))
  const road = await Link.reserve()
  const vehicles: Vehicle[] = []
  let central: Central | undefined
  const giveUp = async (): Promise<void> => {
    for (const vehicle of vehicles) vehicle.kill()
    await road.cut()
    await central?.stop()
    rmSync(home, { recursive: true, force: true })
  }
  const interrupted = (): void => {
    screen.headline('Stopped by hand; cleaning up')
    void giveUp().then(() => process.exit(130))
  }
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  try {
    screen.headline('Central: Apache Kafka with tiered storage, an S3 server behind it')
    central = await startWithRoad(home, road, screen)
    await central.createTopics(milepostTopics('demo'))

    screen.headline(`${FLEET.length} vehicles set out; in two of them a fault was planted`)
    const brokers = [`127.0.0.1:${road.port}`]
    for (const plan of FLEET) vehicles.push(new Vehicle(plan, home, brokers))
    for (const vehicle of vehicles) vehicle.start()
    await Promise.all(vehicles.map((vehicle) => vehicle.ready()))
    const startMs = Date.now()
    const watch = new Watch(vehicles, screen, () =>
      road.up ? screen.paint('green', '━━━ road up ━━━') : screen.paint('red', '━━━ road cut ╳ ━━'),
    )
    await watch.during(DRIVE_MS)

    screen.headline('The network goes: the buffers grow')
    await road.cut()
    await watch.during(OFFLINE_MS / 2)
    screen.headline(`kill -9 to the agent of ${vehicles[0].plan.name}, and a new start`)
    await vehicles[0].killAndRestart()
    await watch.during(OFFLINE_MS / 2)

    screen.headline(`The network is back: ${formatCount(watch.state.waiting)} records catch up`)
    await road.restore()
    await watch.until(({ waiting }) => waiting < 100, DRAIN_LIMIT_MS, 'catching up')
    screen.headline('Caught up; the drive goes on')
    await watch.during(Math.max(0, WHOLE_DRIVE_MS - (Date.now() - startMs)))

    screen.headline('The vehicles park')
    await Promise.all(vehicles.map((vehicle) => vehicle.stop()))
    const produced = new Map(vehicles.map((vehicle) => [vehicle.plan.name, vehicle.produced()]))

    screen.headline('Segments move to the object store')
    const tier = await untilTiered(central, screen)

    screen.headline('The history is read back, from the object store and the broker’s disk alike')
    const account = await takeAccount([central.bootstrap], produced, (records) =>
      screen.show([`${formatCount(records)} records read`]),
    )
    return report(screen, account, produced, tier)
  } finally {
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
    await giveUp()
  }
}

/** Starts central with a listener for vehicles that is advertised as the link's end. */
async function startWithRoad(home: string, road: Link, screen: Screen): Promise<Central> {
  const dataDir = join(home, 'central')
  await mkdir(dataDir)
  const kafkaPort = await freePort()
  const roadPort = await freePort()
  const central = await startCentral({
    dataDir,
    kafkaPort,
    tier: 's3',
    progress: (message) => screen.show([message]),
    extraProperties: [
      `listeners=PLAINTEXT://127.0.0.1:\${kafkaPort},ROAD://127.0.0.1:${roadPort},CONTROLLER://127.0.0.1:\${controllerPort}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:\${kafkaPort},ROAD://127.0.0.1:${road.port}`,
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,ROAD:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name=PLAINTEXT',
    ].join('\n'),
  })
  road.pointAt('127.0.0.1', roadPort)
  await road.restore()
  return central
}

/** What the tier holds once the history begins there. */
export interface TierState {
  readonly objects: number
  readonly bytes: number
  /** Lowest offset that is still on the broker's disk, of the partition that moved furthest. */
  readonly earliestLocalOffset: number
}

async function untilTiered(central: Central, screen: Screen): Promise<TierState> {
  const deadline = Date.now() + TIER_LIMIT_MS
  for (;;) {
    const objects = await central.tierObjects()
    const bytes = objects.reduce((sum, object) => sum + object.bytes, 0)
    const local = await firstSegments(central.logDir, 'milepost.telemetry')
    const earliestLocalOffset = Math.max(0, ...local.values())
    screen.show([
      `${objects.length} objects, ${formatBytes(bytes)} in the object store; the broker's disk begins at offset ${formatCount(earliestLocalOffset)}`,
    ])
    if (tieredAway(local) && bytes > 0)
      return { objects: objects.length, bytes, earliestLocalOffset }
    if (Date.now() > deadline) throw new Error('no segment left for the object store in time')
    await new Promise((resolve) => setTimeout(resolve, TIER_LOOK_MS))
  }
}
