import type { DriveAccount } from './account.ts'
import type { VehiclePlan } from './vehicle.ts'

/** What became of a planted fault in one drive, or of a drive without one. */
export interface Verdict {
  readonly found: boolean
  readonly falseAlarms: number
}

/** An anomaly that began before the fault did, or where there is none, is a false alarm. */
export function judge(plan: VehiclePlan, drive: DriveAccount, planted: boolean): Verdict {
  const { anomalies, firstUs } = drive
  if (!planted || !plan.fault) return { found: false, falseAlarms: anomalies.length }
  const faultUs = plan.faultAtUs ? firstUs + plan.faultAtUs : drive.faultUs
  const rightly = anomalies.filter(({ timeUs }) => faultUs !== undefined && timeUs >= faultUs)
  return { found: rightly.length > 0, falseAlarms: anomalies.length - rightly.length }
}
