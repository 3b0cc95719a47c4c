import { generate } from 'mqtt-packet'
import { Random } from '../../sensors/simulator/random.ts'
import { propertiesOf, topicsOf } from '../../sync/mqtt/wire.ts'
import { carRow } from './car-rows.ts'
import { vehicleOf } from './load.ts'

// Found again in the packet and overwritten: encoding must not be what is measured.
const MARKS = { seq: 111_111_111, prev: 111_111_110, after: 111_111_109 }
const TIME_US = 1_111_111_111_111_111
const VEHICLE = 999_999
const MESSAGE_ID = 0x7e7e
/** Different payloads that vehicles take by turns; all of one length, so that packets are too. */
const ROWS = 512
const SEED = 7

/** A PUBLISH of any vehicle of a run: one packet, whose digits are written over. */
export class Template {
  readonly #head: Buffer
  readonly #payloads: readonly Buffer[]
  readonly #vehicleAt: readonly number[]
  readonly #at: Record<keyof typeof MARKS, number>
  readonly #timeAt: readonly number[]
  readonly #messageIdAt: number
  readonly bytes: number

  constructor(run: string) {
    this.#payloads = payloads()
    const vehicle = vehicleOf(run, VEHICLE)
    const topic = topicsOf('milepost', vehicle).records('telemetry')
    const record = {
      ...{ lane: 'telemetry' as const, ...MARKS, clock: 'synced' as const },
      ...{ type: 'milepost.snapshot.v1', timeUs: TIME_US, monoUs: TIME_US },
      ...{ bootId: '6a2c6b8e-0f7f-4d52-9f59-3c3b2f0c1a11', contentType: 'application/json' },
      payload: this.#payloads[0],
    }
    const travelling = { origin: { vehicle, epoch: run }, record, after: MARKS.after, run: 'fleet' }
    const packet = generate(
      {
        ...{ cmd: 'publish', topic, qos: 1, retain: false, dup: false, messageId: MESSAGE_ID },
        payload: record.payload,
        properties: { contentType: record.contentType, userProperties: propertiesOf(travelling) },
      },
      { protocolVersion: 5 },
    )
    this.bytes = packet.length
    this.#head = packet.subarray(0, packet.length - record.payload.length)
    this.#vehicleAt = places(this.#head, String(VEHICLE))
    this.#timeAt = places(this.#head, String(TIME_US))
    const find = (mark: number) => this.#head.indexOf(String(mark))
    this.#at = { seq: find(MARKS.seq), prev: find(MARKS.prev), after: find(MARKS.after) }
    this.#messageIdAt = this.#head.indexOf(topic) + topic.length
    if (this.#head.readUInt16BE(this.#messageIdAt) !== MESSAGE_ID) throw new Error('no packet')
  }

  /** Writes a packet; answers where it ends. */
  write(to: Buffer, start: number, vehicle: number, seq: number, timeUs: number): number {
    const end = start + this.#head.length
    this.#head.copy(to, start)
    for (const at of this.#vehicleAt) digits(to, start + at, 6, vehicle)
    for (const at of this.#timeAt) digits(to, start + at, 16, timeUs)
    digits(to, start + this.#at.seq, 9, seq)
    digits(to, start + this.#at.prev, 9, seq - 1)
    digits(to, start + this.#at.after, 9, seq - 1)
    to.writeUInt16BE(1 + ((vehicle * 31 + seq) % 65_535), start + this.#messageIdAt)
    const payload = this.#payloads[(vehicle + seq) % ROWS]
    return end + payload.copy(to, end)
  }
}

function payloads(): Buffer[] {
  const random = new Random(SEED)
  const timeUs = Date.now() * 1000
  const texts = Array.from({ length: ROWS }, () =>
    JSON.stringify({ campaign: 'car', timeUs, signals: carRow(() => random.next()) }),
  )
  const longest = Math.max(...texts.map((text) => text.length))
  return texts.map((text) => Buffer.from(text.padEnd(longest)))
}

function places(packet: Buffer, mark: string): number[] {
  const found: number[] = []
  for (let at = packet.indexOf(mark); at >= 0; at = packet.indexOf(mark, at + mark.length)) {
    found.push(at)
  }
  if (found.length === 0) throw new Error(`the packet has no ${mark}`)
  return found
}

function digits(packet: Buffer, at: number, length: number, value: number): void {
  let left = value
  for (let n = at + length - 1; n >= at; n--) {
    const rest = Math.floor(left / 10)
    packet[n] = 48 + (left - rest * 10)
    left = rest
  }
}
