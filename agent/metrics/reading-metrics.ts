import { DROP_CAUSES } from '../../sensors/sensor.ts'
import type { AgentStatus } from '../status.ts'
import { age, counter, flag, gauge, type Metric, one, type Sample } from './metric.ts'

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

/** Of what comes in: sensors, decoding, signals, models. */
export const READING_METRICS: readonly Metric[] = [
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
]
