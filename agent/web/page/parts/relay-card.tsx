import { REFUSED_HINT, type RelayStatus } from '../../../../sync/relay/status.ts'
import { ago, count } from '../format.ts'
import { Card, Facts, Pill, Problem } from './card.tsx'
import { WayOutProblems } from './way-out.tsx'

/** What a depot takes in from other vehicles, and how it goes on to Kafka. */
export function RelayCard({ relay, nowUs }: { relay: RelayStatus; nowUs: number }) {
  const { state, counts, vehicles, waiting, forward, lastError, lastRefusal, refusedByKafka } =
    relay
  const fine = state === 'live' || state === 'off'
  return (
    <Card title="Relay" aside={<Pill level={fine ? 'fine' : 'warn'}>{state}</Pill>}>
      <Facts
        facts={[
          ['Vehicles', count(vehicles)],
          ['Kept since start', count(counts.kept)],
          ['Seen before', count(counts.duplicates)],
          ['Waiting', count(waiting.critical + waiting.events + waiting.telemetry)],
          ['Forwarding', forward.state],
          ['Last acknowledged', ago(forward.lastAckTimeUs, nowUs)],
          ['Refused by Kafka', count(refusedByKafka)],
        ]}
      />
      {lastError && <Problem error={lastError} />}
      {lastRefusal && (
        <Problem error={{ code: 'UPLINK_REJECTED', message: lastRefusal, hint: REFUSED_HINT }} />
      )}
      <WayOutProblems uplink={forward} nowUs={nowUs} />
    </Card>
  )
}
