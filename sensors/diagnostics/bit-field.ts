import { z } from 'zod'

/** One number in a payload of any length, as the config describes it. */
export const bitField = z.strictObject({
  /** Name of the reading. */
  name: z.string().min(1),
  unit: z.string().default(''),
  /** First byte of the field, from 0 behind what names the payload (identifier, parameter group). */
  byte: z.number().int().min(0).max(4095),
  /** Lowest bit inside the field's bytes. */
  bit: z.number().int().min(0).max(63).default(0),
  bits: z.number().int().min(1).max(53).default(8),
  order: z.enum(['big', 'little']).default('big'),
  signed: z.boolean().default(false),
  factor: z.number().default(1),
  offset: z.number().default(0),
})

export type BitField = z.infer<typeof bitField>

/** The raw number of a field; undefined where the payload is too short to hold it. */
export function rawField(
  payload: Uint8Array,
  field: Pick<BitField, 'byte' | 'bit' | 'bits' | 'order' | 'signed'>,
): number | undefined {
  const { byte, bit, bits, order, signed } = field
  const bytes = (bit + bits + 7) >> 3
  if (byte + bytes > payload.length) return undefined
  let raw = 0n
  for (let i = 0; i < bytes; i++) {
    const at = order === 'big' ? byte + i : byte + bytes - 1 - i
    raw = (raw << 8n) | BigInt(payload[at])
  }
  raw >>= BigInt(bit)
  return Number(signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw))
}

/** The scaled value; undefined where the payload is too short to hold it. */
export function fieldValue(payload: Uint8Array, field: BitField): number | undefined {
  const raw = rawField(payload, field)
  return raw === undefined ? undefined : raw * field.factor + field.offset
}
