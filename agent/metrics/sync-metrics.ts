import { LANES } from '../../sync/record.ts'
import type { AgentStatus } from '../status.ts'
import { age, counter, flag, gauge, type Metric, one, type Sample } from './metric.ts'

type LaneStat = NonNullable<AgentStatus['sync']>['lanes']['critical']

const byLane =
  (value: (lane: LaneStat) => number) =>
  ({ sync }: AgentStatus): Sample[] =>
    sync ? LANES.map((lane) => ({ labels: { lane }, value: value(sync.lanes[lane]) })) : []

const ofSync =
  (value: (sync: NonNullable<AgentStatus['sync']>) => number) =>
  ({ sync }: AgentStatus): Sample[] =>
    sync ? one(value(sync)) : []

/** Of what goes out: outbox and uplink. */
export const SYNC_METRICS: readonly Metric[] = [
  gauge(
    'outbox_ok',
    '1 while records are kept.',
    [],
    ofSync(({ outbox }) => flag(outbox.state === 'ok')),
  ),
  gauge(
    'outbox_records',
    'Records that wait.',
    ['lane'],
    byLane((lane) => lane.records),
  ),
  gauge(
    'outbox_bytes',
    'Payload that waits.',
    ['lane'],
    byLane((lane) => lane.bytes),
  ),
  gauge(
    'outbox_oldest_seconds',
    'Age of the oldest that waits; 0 where nothing does.',
    ['lane'],
    ({ nowUs, sync }) =>
      LANES.flatMap((lane) => {
        if (!sync) return []
        const { oldestTimeUs } = sync.lanes[lane]
        const waitedUs = oldestTimeUs > 0 ? Math.max(0, nowUs - oldestTimeUs) : 0
        return [{ labels: { lane }, value: waitedUs / 1e6 }]
      }),
  ),
  counter(
    'outbox_evicted',
    'Gave way to newer ones; told in the ledger.',
    ['lane'],
    byLane((lane) => lane.evicted),
  ),
  counter(
    'outbox_dropped',
    'Could not be kept; told in the ledger.',
    ['lane'],
    byLane((lane) => lane.dropped),
  ),
  gauge(
    'outbox_file_bytes',
    'Database and log on the disk.',
    [],
    ofSync(({ outbox }) => outbox.fileBytes),
  ),
  gauge(
    'outbox_queued_records',
    'Taken in and not yet committed.',
    [],
    ofSync(({ outbox }) => outbox.queuedRecords),
  ),
  gauge(
    'outbox_commit_seconds',
    'Duration of the last few hundred commits.',
    ['quantile'],
    ({ sync }) =>
      sync
        ? [
            { labels: { quantile: '0.5' }, value: sync.outbox.commitP50Ms / 1000 },
            { labels: { quantile: '0.99' }, value: sync.outbox.commitP99Ms / 1000 },
          ]
        : [],
  ),
  counter(
    'outbox_written_bytes',
    'Sent to the disk by the storing thread.',
    [],
    ofSync(({ outbox }) => outbox.writtenBytes),
  ),
  gauge('uplink_live', '1 while the other side takes records.', ['kind'], ({ sync }) =>
    sync ? [{ labels: { kind: sync.uplink.kind }, value: flag(sync.uplink.state === 'live') }] : [],
  ),
  counter(
    'uplink_sent_records',
    'Acknowledged by the other side.',
    [],
    ofSync(({ uplink }) => uplink.sentRecords),
  ),
  counter(
    'uplink_sent_bytes',
    'Payload acknowledged.',
    [],
    ofSync(({ uplink }) => uplink.sentBytes),
  ),
  gauge('uplink_ack_age_seconds', 'Since the last acknowledgement.', [], (status) =>
    age(status, status.sync?.uplink.lastAckTimeUs ?? 0),
  ),
]
