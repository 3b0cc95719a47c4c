import { z } from 'zod'
import { bitField } from '../diagnostics/bit-field.ts'
import { DTC_COUNT } from '../diagnostics/trouble-codes.ts'

const everyMs = z.number().int().min(20).max(86_400_000)
const canId = z.number().int().min(0).max(0x1fff_ffff)
const byte = z.number().int().min(0).max(0xff)

/** A data identifier and what its bytes mean: numbers become readings, a text becomes a record. */
const identifier = z
  .strictObject({
    /** `0xF190`. */
    id: z.number().int().min(0).max(0xffff),
    everyMs,
    fields: z.array(bitField).max(256).default([]),
    /** Name of the text that all of it is, for instance `vin`. */
    text: z.string().min(1).optional(),
  })
  .refine((one) => one.fields.length > 0 || one.text !== undefined, {
    message: 'expected fields, a text, or both',
  })

const codes = z.strictObject({
  everyMs: everyMs.default(30_000),
  /** Codes with any of these status bits; 0x08 is confirmed, 0x04 pending. */
  mask: byte.default(0x0c),
  /** Asks the freeze frame of a new or changed code (0x19 04). */
  snapshots: z.boolean().default(true),
  /** Asks the extended data of a new or changed code (0x19 06). */
  extended: z.boolean().default(true),
  /** Bytes of the data behind each identifier in a freeze frame, where `identifiers` does not say. */
  lengths: z.record(z.string().regex(/^0x[0-9A-Fa-f]{1,4}$/), z.number().int().min(1)).default({}),
})

const udsEcu = z.strictObject({
  name: z.string().min(1),
  /** Identifier that we send on, and the one that the ECU answers on. */
  request: canId,
  response: canId,
  /** Both are 29-bit; left out: where one is too large for 11. */
  ext: z.boolean().optional(),
  /** Extended addressing: first byte of what we send, and of what we hear. */
  requestByte: byte.optional(),
  responseByte: byte.optional(),
  fd: z.boolean().default(false),
  padding: byte.nullable().default(0xcc),
  /** Session to be in (0x10): `extended` is held by tester present. */
  session: z.enum(['default', 'extended']).default('default'),
  testerPresentMs: z.number().int().min(100).max(60_000).default(2000),
  identifiers: z.array(identifier).max(1024).default([]),
  codes: z.union([codes, z.literal(false)]).prefault({}),
})

export const udsConfig = z.strictObject({
  ecus: z.array(udsEcu).min(1).max(64),
  answerTimeoutMs: z.number().int().min(10).max(10_000).default(300),
  pendingTimeoutMs: z.number().int().min(100).max(60_000).default(5000),
  minGapMs: z.number().int().min(0).max(10_000).default(5),
  /** Share of the time in which an ECU may be kept busy with answers. */
  load: z.number().min(0.01).max(1).default(0.5),
  /** After so long without any answer of any ECU the sensor starts anew. */
  lostAfterMs: z.number().int().min(1000).max(3_600_000).default(15_000),
  /** Name of the reading that counts trouble codes. */
  countSignal: z.string().min(1).default(DTC_COUNT),
})

export type UdsConfig = z.infer<typeof udsConfig>
export type UdsEcuConfig = z.infer<typeof udsEcu>
export type UdsIdentifier = z.infer<typeof identifier>
