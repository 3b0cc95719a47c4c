import type { AvroSchemaJson } from '../sync/avro/config.ts'
import { LEDGER_TYPE } from '../sync/ledger.ts'
import { COLLECTION_SCHEMAS, optional, record, text } from './collection/schemas.ts'
import { INFERENCE_SCHEMA } from './models/inference-schema.ts'

const LEDGER_SCHEMA = record('LedgerV1', {
  name: 'entries',
  type: {
    type: 'array',
    items: record(
      'LedgerEntry',
      // The lane is null, and not absent, where it is not known.
      ...[text('cause'), { name: 'lane', type: ['null', 'string'] }],
      ...[optional('vehicle', 'string'), optional('epoch', 'string')],
      ...[optional('firstSeq', 'long'), optional('lastSeq', 'long')],
      ...[{ name: 'count', type: ['null', 'long'] }, optional('detail', 'string')],
    ),
  },
})

/**
 * Schemas of the records whose content has a fixed shape, by CloudEvents type. What is not here, such
 * as what an ECU tells of itself, goes out as `milepost.Json`.
 */
export const RECORD_SCHEMAS: Readonly<Record<string, AvroSchemaJson>> = {
  ...COLLECTION_SCHEMAS,
  'milepost.inference.v1': INFERENCE_SCHEMA,
  [LEDGER_TYPE]: LEDGER_SCHEMA,
}
