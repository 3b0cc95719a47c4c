import type { TroubleCode } from '../../sensors/sensor.ts'

/** A sensor that reads trouble codes, as the rest of the agent sees it. */
export interface CodeReader {
  /** Its name in the config. */
  readonly sensor: string
  readonly kind: string
  codes(): readonly TroubleCode[]
  /** Where its protocol can: clears the codes of every ECU. Rejects where the config does not allow it. */
  clear?(): Promise<Readonly<Record<string, string>>>
}
