/** A PUBLISH as it came. Its payload is a view into the buffer that was parsed. */
export interface Publish {
  readonly topic: string
  readonly qos: number
  readonly retain: boolean
  /** 0 with QoS 0. */
  readonly messageId: number
  readonly contentType: string
  readonly user: Record<string, string>
  readonly payload: Buffer
}

const CONTENT_TYPE = 0x03
const USER_PROPERTY = 0x26

/** Bytes of the other properties that a PUBLISH may have (MQTT 5, 3.3.2.3), where they are fixed. */
const FIXED: Readonly<Record<number, number>> = { 1: 1, 2: 4, 35: 2 }
/** Response topic and correlation data: bytes behind their length of two. */
const SIZED: ReadonlySet<number> = new Set([0x08, 0x09])
const SUBSCRIPTION_IDENTIFIER = 0x0b

/**
 * Parses the body of a PUBLISH of MQTT 5 (3.3), that is all behind its fixed header. mqtt-packet reads
 * each text through a list of buffers: with twelve user properties it takes about ten times as long,
 * and a relay does little else. Throws a RangeError at a body that is cut short or malformed.
 */
export function parsePublish(flags: number, body: Buffer): Publish {
  const qos = (flags >> 1) & 3
  const topicEnd = 2 + body.readUInt16BE(0)
  const topic = body.toString('utf8', 2, within(body, topicEnd))
  let at = topicEnd
  let messageId = 0
  if (qos > 0) {
    messageId = body.readUInt16BE(at)
    at += 2
  }
  const length = varint(body, at)
  at = length.end
  const end = within(body, at + length.value)
  const user: Record<string, string> = Object.create(null)
  let contentType = ''
  while (at < end) {
    const id = body[at++]
    if (id === USER_PROPERTY) {
      const nameEnd = within(body, at + 2 + body.readUInt16BE(at))
      const valueEnd = within(body, nameEnd + 2 + body.readUInt16BE(nameEnd))
      user[body.toString('latin1', at + 2, nameEnd)] = body.toString('utf8', nameEnd + 2, valueEnd)
      at = valueEnd
    } else if (id === CONTENT_TYPE) {
      const valueEnd = within(body, at + 2 + body.readUInt16BE(at))
      contentType = body.toString('utf8', at + 2, valueEnd)
      at = valueEnd
    } else if (id in FIXED) at += FIXED[id]
    else if (SIZED.has(id)) at += 2 + body.readUInt16BE(at)
    else if (id === SUBSCRIPTION_IDENTIFIER) at = varint(body, at).end
    else throw new RangeError(`a PUBLISH has no property ${id}`)
  }
  if (at !== end) throw new RangeError('properties run into the payload')
  const retain = (flags & 1) === 1
  return { topic, qos, retain, messageId, contentType, user, payload: body.subarray(end) }
}

/** A variable byte integer (MQTT 5, 1.5.5) and where it ends; `end` is -1 where it is not all there. */
export function varint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0
  for (let n = 0; n < 4; n++) {
    if (start + n >= bytes.length) return { value: 0, end: -1 }
    const byte = bytes[start + n]
    value += (byte & 0x7f) * 128 ** n
    if (byte < 0x80) return { value, end: start + n + 1 }
  }
  throw new RangeError('a length of more than four bytes')
}

const PUBLISH_QOS_0 = 0x30
/** First byte, a length of at most four, the topic's length of two, and no properties. */
const MOST_HEAD_BYTES = 8

/** PUBLISH packets of QoS 0 without properties (MQTT 5, 3.3), one behind the other. */
export function writePublishes(messages: readonly { topic: string; payload: string }[]): Buffer {
  let most = 0
  for (const { topic, payload } of messages) {
    most += MOST_HEAD_BYTES + 3 * (topic.length + payload.length)
  }
  const bytes = Buffer.allocUnsafe(most)
  let at = 0
  for (const { topic, payload } of messages) {
    const topicBytes = Buffer.byteLength(topic)
    let left = 2 + topicBytes + 1 + Buffer.byteLength(payload)
    bytes[at++] = PUBLISH_QOS_0
    for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes[at++] = (left % 0x80) | 0x80
    bytes[at++] = left
    at = bytes.writeUInt16BE(topicBytes, at)
    at += bytes.write(topic, at)
    bytes[at++] = 0
    at += bytes.write(payload, at)
  }
  return bytes.subarray(0, at)
}

function within(body: Buffer, end: number): number {
  if (end > body.length) throw new RangeError('the packet is cut short')
  return end
}
