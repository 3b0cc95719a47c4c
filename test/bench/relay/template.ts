import { generate } from 'mqtt-packet'
import { propertiesOf, topicsOf } from '../../../sync/mqtt/wire.ts'

const PAYLOAD_BYTES = 200
// Nine digits each, found again in the packet and overwritten: encoding must not be what is measured.
const MARKS = { seq: 111_111_111, prev: 111_111_110, after: 111_111_109 }
const DIGITS = 9
const MESSAGE_ID = 0x7e7e

/** A PUBLISH of one vehicle whose numbers are written in. */
export class Template {
  readonly #packet: Buffer
  readonly #at: Record<keyof typeof MARKS, number>
  readonly #messageIdAt: number

  constructor(vehicle: string, epoch: string) {
    const topic = topicsOf('milepost', vehicle).records('telemetry')
    const head = '{"speed":87.5,"coolant":91,"note":"'
    const record = {
      ...{ lane: 'telemetry' as const, seq: MARKS.seq, prev: MARKS.prev, clock: 'synced' as const },
      ...{ type: 'milepost.snapshot.v1', timeUs: Date.now() * 1000, monoUs: 1_000_000 },
      ...{ bootId: '6a2c6b8e-0f7f-4d52-9f59-3c3b2f0c1a11', contentType: 'application/json' },
      payload: Buffer.from(`${head}${'.'.repeat(PAYLOAD_BYTES - head.length - 2)}"}`),
    }
    const travelling = { origin: { vehicle, epoch }, record, after: MARKS.after, run: 'bench' }
    this.#packet = generate(
      {
        ...{ cmd: 'publish', topic, qos: 1, retain: false, dup: false, messageId: MESSAGE_ID },
        payload: record.payload,
        properties: { contentType: record.contentType, userProperties: propertiesOf(travelling) },
      },
      { protocolVersion: 5 },
    )
    const find = (mark: number) => this.#packet.indexOf(String(mark))
    this.#at = { seq: find(MARKS.seq), prev: find(MARKS.prev), after: find(MARKS.after) }
    this.#messageIdAt = this.#packet.indexOf(topic) + topic.length
    if (this.#packet.readUInt16BE(this.#messageIdAt) !== MESSAGE_ID) throw new Error('no packet')
  }

  packet(seq: number): Buffer {
    const packet = Buffer.from(this.#packet)
    digits(packet, this.#at.seq, seq)
    digits(packet, this.#at.prev, seq - 1)
    digits(packet, this.#at.after, seq - 1)
    packet.writeUInt16BE(1 + (seq % 65_535), this.#messageIdAt)
    return packet
  }
}

function digits(packet: Buffer, at: number, value: number): void {
  let left = value
  for (let n = at + DIGITS - 1; n >= at; n--) {
    packet[n] = 48 + (left % 10)
    left = Math.floor(left / 10)
  }
}
