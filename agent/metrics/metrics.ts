import { DROP_CAUSES } from '../../sensors/sensor.ts'
import { LANES } from '../../sync/record.ts'
import type { AgentStatus } from '../status.ts'
import type { MachineStatus } from '../watch/machine.ts'
import type { HealthReport } from '../watch/progress.ts'

/** A value with its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/**
 * One metric. Its name is stable: dashboards and alerts of users rest on it. A change of meaning is a
 * new name, and the old one stays for a year.
 */
export interface Metric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly labels: readonly string[]
  samples(status: AgentStatus): readonly Sample[]
}

const one = (value: number): Sample[] => [{ value }]
const flag = (yes: boolean): number => (yes ? 1 : 0)

/** Seconds since a wall time; none where it was never. */
function age({ nowUs }: AgentStatus, us: number, labels?: Sample['labels']): Sample[] {
  return us > 0 ? [{ labels, value: Math.max(0, (nowUs - us) / 1e6) }] : []
}

function part<T>(status: AgentStatus, name: string): T | undefined {
  return status.parts[name] as T | undefined
}

type Sensor = AgentStatus['sensors'][number]
type Model = AgentStatus['models'][number]

const bySensor =
  (value: (sensor: Sensor) => number) =>
  ({ sensors }: AgentStatus): Sample[] =>
    sensors.map((sensor) => ({ labels: { sensor: sensor.id }, value: value(sensor) }))

const byModel =
  (value: (model: Model) => number) =>
  ({ models }: AgentStatus): Sample[] =>
    models.map((model) => ({ labels: { model: model.name }, value: value(model) }))

type LaneStat = NonNullable<AgentStatus['sync']>['lanes']['critical']

const byLane =
  (value: (lane: LaneStat) => number) =>
  ({ sync }: AgentStatus): Sample[] =>
    sync ? LANES.map((lane) => ({ labels: { lane }, value: value(sync.lanes[lane]) })) : []

const ofSync =
  (value: (sync: NonNullable<AgentStatus['sync']>) => number) =>
  ({ sync }: AgentStatus): Sample[] =>
    sync ? one(value(sync)) : []

const gauge = (
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric['samples'],
): Metric => ({ name: `milepost_${name}`, type: 'gauge', help, labels, samples })

const counter = (
  name: string,
  help: string,
  labels: readonly string[],
  samples: Metric['samples'],
): Metric => ({ name: `milepost_${name}_total`, type: 'counter', help, labels, samples })

/** Every metric of an agent, as `GET /metrics` tells them and the reference lists them. */
export const METRICS: readonly Metric[] = [
  gauge('info', 'Always 1; what runs where.', ['vehicle', 'version'], ({ vehicle, version }) => [
    { labels: { vehicle, version }, value: 1 },
  ]),
  gauge('up_seconds', 'Since the agent started.', [], ({ nowUs, startedUs }) =>
    one((nowUs - startedUs) / 1e6),
  ),
  gauge('healthy', '1 while every thread makes progress, as /healthz.', [], (status) =>
    one(flag(part<HealthReport>(status, 'progress')?.healthy ?? true)),
  ),
  gauge('clock_set', '1 where the wall clock can be believed.', [], ({ clock }) =>
    one(flag(clock !== 'unsynced')),
  ),
  gauge('resident_memory_bytes', 'Memory of the process.', [], ({ memoryBytes }) =>
    one(memoryBytes),
  ),
  gauge(
    'sensor_live',
    '1 while a sensor is open and delivers.',
    ['sensor'],
    bySensor((s) => flag(s.state === 'live')),
  ),
  gauge('sensor_data_age_seconds', 'Since the last frame or reading.', ['sensor'], (status) =>
    status.sensors.flatMap(({ id, lastDataUs }) => age(status, lastDataUs, { sensor: id })),
  ),
  counter(
    'sensor_frames',
    'Frames read.',
    ['sensor'],
    bySensor((s) => s.frames),
  ),
  counter(
    'sensor_readings',
    'Readings that came without frames.',
    ['sensor'],
    bySensor((s) => s.readings),
  ),
  counter(
    'sensor_opens',
    'How often the device was opened.',
    ['sensor'],
    bySensor((s) => s.opens),
  ),
  counter(
    'sensor_gaps',
    'How often data stopped and came back.',
    ['sensor'],
    bySensor((s) => s.gaps),
  ),
  // Each cause from the start, at 0: of a counter that begins at 5 Prometheus sees no increase.
  counter(
    'sensor_dropped',
    'Lost before it was a frame or reading.',
    ['sensor', 'cause'],
    ({ sensors }) =>
      sensors.flatMap(({ id, dropped }) =>
        DROP_CAUSES.map((cause) => ({ labels: { sensor: id, cause }, value: dropped[cause] ?? 0 })),
      ),
  ),
  counter(
    'decoded_frames',
    'What became of frames: decoded, unknown id, short, skipped.',
    ['result'],
    ({ decode }) =>
      decode
        ? (['decoded', 'unknown', 'short', 'skipped'] as const).map((result) => ({
            labels: { result },
            value: decode[result],
          }))
        : [],
  ),
  gauge('signals', 'Names of signals known.', [], ({ signals }) => one(signals.known)),
  counter('signals_refused', 'Names refused because there were too many.', [], ({ signals }) =>
    one(signals.refused),
  ),
  counter('readings', 'Readings seen.', [], ({ readings }) => one(readings)),
  counter('records', 'Records made by campaigns.', [], ({ records }) => one(records)),
  counter(
    'model_inferences',
    'Rows scored.',
    ['model'],
    byModel((m) => m.inferences),
  ),
  counter(
    'model_invalid',
    'Rows that gave no number.',
    ['model'],
    byModel((m) => m.invalid),
  ),
  counter(
    'model_anomalies',
    'Anomalies begun.',
    ['model'],
    byModel((m) => m.anomalies),
  ),
  gauge(
    'model_anomaly',
    '1 while an anomaly lasts.',
    ['model'],
    byModel((m) => flag(m.active)),
  ),
  gauge(
    'model_trial',
    '1 while a bundle must prove itself.',
    ['model'],
    byModel((m) => flag(m.trial !== undefined)),
  ),
  gauge('model_score', 'The last score, as a share of the threshold.', ['model'], ({ models }) =>
    models
      .filter(({ lastScore }) => lastScore !== undefined)
      .map(({ name, lastScore, threshold }) => ({
        labels: { model: name },
        value: (lastScore ?? 0) / threshold,
      })),
  ),
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
  gauge('disk_free_bytes', 'Room on the disk of the data folder.', [], (status) =>
    one(part<MachineStatus>(status, 'machine')?.diskFreeBytes ?? 0),
  ),
  gauge('memory_free_bytes', 'Memory that programs of the machine can still have.', [], (status) =>
    one(part<MachineStatus>(status, 'machine')?.memoryFreeBytes ?? 0),
  ),
  gauge('history_bytes', 'The ring of readings on the disk.', [], (status) =>
    one(part<{ bytes: number }>(status, 'history')?.bytes ?? 0),
  ),
  counter('history_written_bytes', 'Sent to the disk by the ring of readings.', [], (status) =>
    one(part<{ writtenBytes: number }>(status, 'history')?.writtenBytes ?? 0),
  ),
  gauge('live_streams', 'Live views that are open.', [], (status) =>
    one(part<{ streams: number }>(status, 'live')?.streams ?? 0),
  ),
  counter('faults', 'Parts that threw where nothing may throw.', ['cause'], ({ faults }) =>
    faults.map(({ cause, count }) => ({ labels: { cause }, value: count })),
  ),
]
