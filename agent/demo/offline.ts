import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PACKAGE_ROOT } from '../package-root.ts'
import { FLEET } from './plan.ts'
import type { Screen } from './screen.ts'
import { Vehicle } from './vehicle.ts'
import { Watch } from './watch.ts'

const BUNDLE = join(PACKAGE_ROOT, 'models/bundles/simulator')
const DRIVE_MS = 15_000

/** What can be shown without Java: vehicles drive and buffer, and everything is kept. */
export async function driveOffline(screen: Screen): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'milepost-demo-'))
  const vehicles = FLEET.slice(0, 2).map(
    (plan) => new Vehicle(plan, home, { brokers: [], bundle: BUNDLE }),
  )
  try {
    screen.headline('Two vehicles drive with no network at all')
    for (const vehicle of vehicles) vehicle.setOut()
    for (const vehicle of vehicles) await vehicle.ready()
    const watch = new Watch(vehicles, screen, () => 'no uplink')
    await watch.during(DRIVE_MS)
    for (const vehicle of vehicles) await vehicle.stop()
    const kept = vehicles.reduce((sum, vehicle) => sum + vehicle.produced().lastSeq, 0)
    screen.headline(`Kept on disk, waiting for a network: ${kept.toLocaleString('en-US')} records`)
    return kept > 0 ? 0 : 1
  } finally {
    for (const vehicle of vehicles) vehicle.kill()
    rmSync(home, { recursive: true, force: true })
  }
}
