/** Confluent's wire format: a zero, the schema's id in four bytes, then Avro's binary encoding. */
const MAGIC = 0
const HEAD_BYTES = 5

export function withId(id: number, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + body.length)
  bytes[0] = MAGIC
  bytes.writeUInt32BE(id, 1)
  bytes.set(body, HEAD_BYTES)
  return bytes
}

/** The id of the writer's schema, and what it wrote; undefined where the bytes are not of this format. */
export function splitId(bytes: Buffer): { id: number; body: Buffer } | undefined {
  if (bytes.length < HEAD_BYTES || bytes[0] !== MAGIC) return undefined
  return { id: bytes.readUInt32BE(1), body: bytes.subarray(HEAD_BYTES) }
}
