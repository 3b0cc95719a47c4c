import type { BlockedLane, UplinkStatus } from '../../../../sync/status.ts'
import { linkError } from '../answers.ts'
import { many, span } from '../format.ts'
import { Problem } from './card.tsx'

/** What is not well with a way out, each with what to do next. */
export function WayOutProblems({ uplink, nowUs }: { uplink: UplinkStatus; nowUs: number }) {
  const { blocked = [], oddPositions } = uplink
  const lastError = linkError(uplink)
  return (
    <>
      {lastError && <Problem error={lastError} />}
      {blocked.map((lane) => (
        <Problem key={lane.lane} error={lane}>
          <strong>Lane {lane.lane} is blocked</strong> for {triesOf(lane, nowUs)}; the other lanes
          go on.
        </Problem>
      ))}
      {oddPositions && <Problem error={oddPositions} />}
    </>
  )
}

function triesOf({ sinceUs, tries, nextRetryTimeUs }: BlockedLane, nowUs: number): string {
  const next = nextRetryTimeUs > nowUs ? `in ${span((nextRetryTimeUs - nowUs) / 1000)}` : 'now'
  return `${span((nowUs - sinceUs) / 1000)}, tried ${many(tries, 'time')}, next try ${next}`
}
