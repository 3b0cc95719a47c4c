import { count, number, optional, record, text } from '../collection/schemas.ts'

/** `inferenceRecord`, as Avro. */
export const INFERENCE_SCHEMA = record(
  'InferenceV1',
  ...[text('model'), text('event'), optional('ended', 'string'), count('timeUs')],
  ...[number('score'), number('threshold')],
  {
    name: 'contributors',
    type: {
      type: 'array',
      items: record(
        'Contributor',
        ...[text('signal'), number('share'), number('value'), number('expected'), text('unit')],
        {
          name: 'normal',
          type: record('Normal', ...['mean', 'spread', 'min', 'max'].map(number)),
        },
        number('usualError'),
      ),
    },
  },
  ...[text('bundleHash'), text('runtime'), number('latencyUs')],
  ...[count('sourceFromUs'), count('sourceToUs')],
)
