import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Central } from '../../deploy/central/central.ts'
import { milepostTopics } from '../../deploy/central/topics.ts'
import { counted } from '../cli/output.ts'
import { takeAccount } from './account.ts'
import { startWithRoad } from './central-road.ts'
import { closeTheCircle } from './circle.ts'
import { RELEASED, ReleaseDesk } from './desk.ts'
import { Fleet } from './fleet.ts'
import { Link } from './link.ts'
import { FLEET, RECIPES } from './plan.ts'
import { milepost } from './program.ts'
import { report } from './report.ts'
import type { Screen } from './screen.ts'
import { untilTiered } from './tiering.ts'

const DRIVE_MS = 12_000
const OFFLINE_MS = 12_000
/** All the drive that the planted faults need to show, the offline part included. */
const WHOLE_DRIVE_MS = 55_000
const DRAIN_LIMIT_MS = 120_000

/** The demo with a real Kafka. Answers the exit code: 1 where something of it failed. */
export async function driveWithCentral(screen: Screen): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'milepost-demo-'))
  const road = await Link.reserve()
  const ending = new AbortController()
  let central: Central | undefined
  let desk: ReleaseDesk | undefined
  let fleet: Fleet | undefined
  const giveUp = async (): Promise<void> => {
    ending.abort()
    fleet?.kill()
    await road.cut()
    await desk?.close()
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
    screen.headline('The desk: keys, a signed repository, and a first model, of the cooling')
    desk = await ReleaseDesk.open(home)
    const first = join(home, 'first')
    const recipe = join(RECIPES, 'first.yaml')
    await milepost(['model', 'train', '--recipe', recipe, '--out', first], ending.signal)

    screen.headline(`${FLEET.length} vehicles set out; in two of them a fault was planted`)
    const outfit = {
      brokers: [`127.0.0.1:${road.port}`],
      bundle: first,
      slot: RELEASED.name,
      updates: { root: desk.rootFile, from: desk.url },
    }
    fleet = new Fleet(home, outfit, screen, () =>
      road.up ? screen.paint('green', '━━━ road up ━━━') : screen.paint('red', '━━━ road cut ╳ ━━'),
    )
    await firstDrive(fleet, road, screen)

    screen.headline('Segments move to the object store')
    const tier = await untilTiered(central, screen)
    const circle = await closeTheCircle({
      home,
      screen,
      fleet,
      desk,
      bootstrap: central.bootstrap,
      first,
      ending: ending.signal,
    })

    screen.headline('The history is read back, from the object store and the broker’s disk alike')
    const produced = fleet.produced()
    const account = await takeAccount([central.bootstrap], produced, (records) =>
      screen.show([`${counted(records, 'record')} read`]),
    )
    return report(screen, { account, produced, tier, circle })
  } finally {
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
    await giveUp()
  }
}

/** Drive, lose the network, buffer, kill -9, come back, catch up, park. */
async function firstDrive(fleet: Fleet, road: Link, screen: Screen): Promise<void> {
  const { watch, vehicles } = fleet
  await fleet.setOut('first')
  const startMs = Date.now()
  await watch.during(DRIVE_MS)
  screen.headline('The network goes: the buffers grow')
  await road.cut()
  await watch.during(OFFLINE_MS / 2)
  screen.headline(`kill -9 to the agent of ${vehicles[0].plan.name}, and a new start`)
  await vehicles[0].killAndRestart()
  await watch.during(OFFLINE_MS / 2)
  screen.headline(`The network is back: ${counted(watch.state.waiting, 'record')} to catch up with`)
  await road.restore()
  await watch.until(({ waiting }) => waiting < 100, DRAIN_LIMIT_MS, 'catching up')
  screen.headline('Caught up; the drive goes on')
  await watch.during(Math.max(0, WHOLE_DRIVE_MS - (Date.now() - startMs)))
  screen.headline('The vehicles park')
  await fleet.park()
}
