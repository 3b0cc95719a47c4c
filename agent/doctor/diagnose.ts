import { complaintOf } from '../error.ts'
import { within } from '../taking-down.ts'
import { agentCheck } from './checks/agent.ts'
import { bundlesCheck } from './checks/bundles.ts'
import { certificatesCheck } from './checks/certificates.ts'
import { clockCheck } from './checks/clock.ts'
import { configCheck } from './checks/config.ts'
import { dataCheck } from './checks/data.ts'
import { dbcCheck } from './checks/dbc.ts'
import { devicesCheck } from './checks/devices.ts'
import { machineCheck } from './checks/machine.ts'
import { outboxCheck } from './checks/outbox.ts'
import { secretsCheck } from './checks/secrets.ts'
import { sensorsCheck } from './checks/sensors.ts'
import { updatesCheck } from './checks/updates.ts'
import { uplinkCheck } from './checks/uplink.ts'
import { type Finding, inOrder } from './finding.ts'
import type { Check, Scene } from './scene.ts'

/** Every check there is. */
export const CHECKS: readonly Check[] = [
  configCheck,
  dataCheck,
  machineCheck,
  clockCheck,
  secretsCheck,
  certificatesCheck,
  outboxCheck,
  dbcCheck,
  bundlesCheck,
  devicesCheck,
  sensorsCheck,
  uplinkCheck,
  updatesCheck,
  agentCheck,
]

/** Longest that one check may take. */
const CHECK_LIMIT_MS = 15_000

/** Runs every check, the most important finding first. A check that fails itself is a note. */
export async function diagnose(scene: Scene): Promise<Finding[]> {
  const found = await Promise.all(
    CHECKS.map(async ({ name, run }): Promise<readonly Finding[]> => {
      try {
        return await within(CHECK_LIMIT_MS, `the check of ${name}`, run(scene))
      } catch (error) {
        const { code, message } = complaintOf(error)
        const finding = `This check could not be made: ${message}`
        return [{ check: name, verdict: 'note', code, finding, cause: 'other' }]
      }
    }),
  )
  return inOrder(found.flat())
}
