import type { AvroSchemaJson } from '../../sync/avro/config.ts'

// What campaigns write, as Avro: beside the code that makes it, and held to it by a test that drives
// every kind of campaign. A new field goes to the end and has a default, so that a registry takes it
// and older readers go on; an optional one is a union with null.

/** A number, or the name of one that JSON has not: `NaN`, `Infinity`. */
const VALUE = ['double', 'string'] as const
const number = (name: string) => ({ name, type: 'double' })
const count = (name: string) => ({ name, type: 'long' })
const text = (name: string) => ({ name, type: 'string' })
const flag = (name: string) => ({ name, type: 'boolean' })
const optional = (name: string, ...types: readonly unknown[]) => ({
  ...{ name, type: ['null', ...types], default: null },
})
const map = (name: string, values: unknown) => ({ name, type: { type: 'map', values } })

/** Units of the signals, in the records that tell them (see `units.ts`). */
const UNITS = optional('units', { type: 'map', values: 'string' })

const record = (name: string, ...fields: readonly object[]): AvroSchemaJson => ({
  ...{ type: 'record', name, namespace: 'milepost', fields },
})

/** Of a condition: its text and the values that it was about; of an anomaly: the model and its score. */
const CAUSE = record(
  'Cause',
  ...[optional('when', 'string'), optional('values', { type: 'map', values: VALUE })],
  ...[optional('anomaly', 'string'), optional('score', ...VALUE)],
)

export const COLLECTION_SCHEMAS: Readonly<Record<string, AvroSchemaJson>> = {
  'milepost.snapshot.v1': record(
    'SnapshotV1',
    ...[text('campaign'), count('timeUs'), map('signals', VALUE), UNITS],
  ),
  'milepost.window.v1': record(
    'WindowV1',
    ...[text('campaign'), count('fromUs'), count('timeUs'), flag('complete')],
    map(
      'signals',
      record(
        'WindowOfSignal',
        ...[count('count'), optional('min', 'double'), optional('max', 'double')],
        ...[optional('mean', ...VALUE), optional('last', ...VALUE)],
      ),
    ),
    UNITS,
  ),
  'milepost.change.v1': record(
    'ChangeV1',
    ...[text('campaign'), count('timeUs'), text('signal')],
    ...[{ name: 'value', type: VALUE }, optional('was', ...VALUE), optional('unit', 'string')],
  ),
  'milepost.trigger.v1': record(
    'TriggerV1',
    ...[text('campaign'), count('timeUs'), { name: 'cause', type: CAUSE }, map('signals', VALUE)],
  ),
  'milepost.capture.v1': record(
    'CaptureV1',
    ...[text('campaign'), count('timeUs'), { name: 'cause', type: CAUSE }],
    ...[count('fromUs'), count('toUs'), flag('complete')],
    map(
      'signals',
      record(
        'Track',
        text('unit'),
        { name: 'offsetsUs', type: { type: 'array', items: 'long' } },
        { name: 'values', type: { type: 'array', items: VALUE } },
      ),
    ),
  ),
}

export { count, flag, map, number, optional, record, text, VALUE }
