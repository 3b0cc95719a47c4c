import avsc, { type Type } from 'avsc'
import type { AvroSchemaJson } from './config.ts'

/** A schema ready to write and read. Unions are plain values, as JSON has them, without their branch. */
export function typeOf(schema: AvroSchemaJson): Type {
  return avsc.Type.forSchema(schema as never, { wrapUnions: 'never' })
}
