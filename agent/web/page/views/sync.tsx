import { uplinkAnswer } from '../answers.ts'
import { ago, bytes, clock, count, many, span } from '../format.ts'
import { Card, Facts, Head, Meter, Pill, Problem } from '../parts/card.tsx'
import { RelayCard } from '../parts/relay-card.tsx'
import { Spark } from '../parts/spark.tsx'
import { Table } from '../parts/table.tsx'
import { WayOutProblems } from '../parts/way-out.tsx'
import { rates, recent, status } from '../state.ts'
import { REFUSED_BEFORE } from '../todos.ts'
import { Waiting } from './overview.tsx'

const MEANINGS: Readonly<Record<string, string>> = {
  critical: 'What must never be lost: faults, changes, the agent itself',
  events: 'Changes, anomalies and captures',
  telemetry: 'Snapshots and windows; the first to give way',
}

/** The outbox by lane, and the way out. */
export function SyncView() {
  const now = status.value
  if (!now?.sync) return <Waiting title="Buffer & sync" />
  const { lanes, outbox, uplink } = now.sync
  const answer = uplinkAnswer(now)
  const all = Object.entries(lanes)
  const most = Math.max(1, ...all.map(([, { bytes: size }]) => size))
  const good = outbox.state === 'ok'
  const blocked = new Set<string>(uplink.blocked?.map(({ lane }) => lane))
  return (
    <>
      <Head title="Buffer & sync">
        Records are kept on this vehicle until the other side has acknowledged them.
      </Head>
      <div class="columns">
        <Card
          title="Uplink"
          aside={<Pill level={answer.level}>{uplink.kind === 'none' ? 'none' : uplink.state}</Pill>}
        >
          <p class="answer">{answer.text}</p>
          <Facts
            facts={[
              ['By', uplink.kind],
              ['Sent since start', `${count(uplink.sentRecords)} records`],
              ['Bytes', bytes(uplink.sentBytes)],
              ['Now', `${count(recent((rate) => rate.sentPerSec))} records/s`],
              ['Last acknowledged', ago(uplink.lastAckTimeUs, now.nowUs)],
              ['In this state since', clock(uplink.sinceUs, now.nowUs)],
              ...(uplink.nextRetryTimeUs > now.nowUs
                ? ([['Next try in', span((uplink.nextRetryTimeUs - now.nowUs) / 1000)]] as const)
                : []),
            ]}
          />
          <Spark values={rates.value.map((rate) => rate.sentPerSec)} />
          <WayOutProblems uplink={uplink} nowUs={now.nowUs} />
        </Card>
        <Card
          title="Outbox"
          aside={
            <Pill level={good ? 'fine' : outbox.state === 'starting' ? 'quiet' : 'stop'}>
              {outbox.state}
            </Pill>
          }
        >
          <Facts
            facts={[
              ['On disk', bytes(outbox.fileBytes)],
              ['Not yet committed', count(outbox.queuedRecords)],
              ['Commit, median', `${outbox.commitP50Ms.toFixed(1)} ms`],
              ['Commit, slowest 1 %', `${outbox.commitP99Ms.toFixed(1)} ms`],
              [
                'Written per record',
                outbox.writtenBytesPerRecord
                  ? bytes(outbox.writtenBytesPerRecord)
                  : 'not told here',
              ],
              ['Refused by the other side', count(outbox.deadRecords)],
            ]}
          />
          <p class="small quiet">
            <code>{outbox.path}</code>
          </p>
          {outbox.lastError && <Problem error={outbox.lastError} />}
          {outbox.deadRecords > 0 && (
            <Problem
              error={
                uplink.lastRejection ?? {
                  code: 'UPLINK_REJECTED',
                  message: `${many(outbox.deadRecords, 'record')} lie aside; those behind them went on.`,
                  hint: REFUSED_BEFORE,
                }
              }
            />
          )}
          {outbox.quarantinedFile && (
            <p>
              A damaged file was put aside: <code>{outbox.quarantinedFile}</code>
            </p>
          )}
        </Card>
      </div>
      <Card title="Lanes" flush>
        <Table
          caption="Lanes of the outbox"
          rows={all}
          keyOf={([lane]) => lane}
          columns={[
            {
              head: 'Lane',
              names: true,
              cell: ([lane]) => (
                <>
                  {lane} {blocked.has(lane) && <Pill level="warn">blocked</Pill>}
                  <span class="under">{MEANINGS[lane]}</span>
                </>
              ),
            },
            { head: 'Waiting', figure: true, cell: ([, s]) => count(s.records) },
            { head: 'Size', figure: true, cell: ([, s]) => bytes(s.bytes) },
            {
              head: 'Share',
              cell: ([, s]) => (
                <div class="share">
                  <Meter share={s.bytes / most} level="quiet" />
                </div>
              ),
            },
            {
              head: 'Oldest',
              figure: true,
              cell: ([, s]) => (s.records ? ago(s.oldestTimeUs, now.nowUs) : '–'),
            },
            { head: 'Given way', figure: true, cell: ([, s]) => count(s.evicted) },
            { head: 'Dropped', figure: true, cell: ([, s]) => count(s.dropped) },
          ]}
        />
      </Card>
      {now.relay && <RelayCard relay={now.relay} nowUs={now.nowUs} />}
    </>
  )
}
