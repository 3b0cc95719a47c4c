import type { Central } from '../../deploy/central/central.ts'
import { formatBytes, formatCount } from '../cli/output.ts'
import { AgentError } from '../error.ts'
import type { Screen } from './screen.ts'
import { firstSegments, tieredAway } from './segments.ts'

const TIER_LIMIT_MS = 120_000
const TIER_LOOK_MS = 500

/** What the tier holds once the history begins there. */
export interface TierState {
  readonly objects: number
  readonly bytes: number
  /** Lowest offset that is still on the broker's disk, of the partition that moved furthest. */
  readonly earliestLocalOffset: number
}

export async function untilTiered(central: Central, screen: Screen): Promise<TierState> {
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
    if (Date.now() > deadline) {
      throw new AgentError(
        'RUN_FAILED',
        `No segment left for the object store within ${TIER_LIMIT_MS / 1000} s`,
        {
          hint: 'Is the machine busy, or its disk full? End what else runs, and start the demo again.',
        },
      )
    }
    await new Promise((resolve) => setTimeout(resolve, TIER_LOOK_MS))
  }
}
