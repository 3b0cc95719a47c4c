import { formatBytes, formatCount } from '../cli/output.ts'
import type { Account, VehicleAccount } from './account.ts'
import { FLEET } from './plan.ts'
import { type Screen, table } from './screen.ts'
import type { TierState } from './story.ts'
import type { VehiclePlan } from './vehicle.ts'

/** What became of a planted fault, or of a drive without one. */
interface Verdict {
  readonly found: number
  readonly missed: number
  readonly falseAlarms: number
}

/** Prints the account. Answers the exit code: 0 where it balances, 1 where it does not. */
export function report(
  screen: Screen,
  account: Account,
  produced: ReadonlyMap<string, { lastSeq: number }>,
  tier: TierState,
): number {
  let balanced = true
  const totals = { found: 0, missed: 0, falseAlarms: 0 }
  const rows = FLEET.map((plan) => {
    const seen = account.vehicles.get(plan.name)
    const audit = seen?.audit
    const made = produced.get(plan.name)?.lastSeq ?? 0
    const lost = audit ? audit.missing : made
    const good = made > 0 && lost === 0 && audit?.duplicated === 0 && audit.outOfOrder === 0
    balanced &&= good && audit?.present === made
    const verdict = judge(plan, seen)
    totals.found += verdict.found
    totals.missed += verdict.missed
    totals.falseAlarms += verdict.falseAlarms
    return [
      plan.name,
      made,
      audit?.present ?? 0,
      lost,
      audit?.duplicated ?? 0,
      audit?.outOfOrder ?? 0,
      plan.fault ?? 'none',
      verdict.found ? 'found' : verdict.missed ? 'missed' : '–',
      verdict.falseAlarms,
    ]
  })
  const header = ['vehicle', 'produced', 'in Kafka', 'lost', 'duplicated', 'out of order']
  screen.print([
    '',
    ...table([...header, 'planted', 'anomaly', 'false alarms'], rows),
    '',
    `Object store  ${formatBytes(tier.bytes)} in ${formatCount(tier.objects)} objects; the broker's disk begins at offset ${formatCount(tier.earliestLocalOffset)}`,
    `Read back     ${formatCount(account.records)} records, ${formatBytes(account.bytes)} of payload`,
    `Anomalies     ${totals.found} found, ${totals.missed} missed, ${totals.falseAlarms} false alarms`,
    '',
    balanced
      ? screen.paint('green', 'The account balances: nothing lost, nothing duplicated.')
      : screen.paint('red', 'The account does not balance.'),
  ])
  return balanced ? 0 : 1
}

/** An anomaly that began before the fault did, or where there is none, is a false alarm. */
function judge(plan: VehiclePlan, seen: VehicleAccount | undefined): Verdict {
  const anomalies = seen?.anomaliesUs ?? []
  if (!plan.fault || !seen) return { found: 0, missed: 0, falseAlarms: anomalies.length }
  const faultUs = plan.faultAtSec ? seen.firstUs + plan.faultAtSec * 1e6 : seen.faultUs
  const rightly = anomalies.filter((us) => faultUs !== undefined && us >= faultUs).length
  const found = rightly > 0 ? 1 : 0
  return { found, missed: 1 - found, falseAlarms: anomalies.length - rightly }
}
