import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate } from 'mqtt-packet'
import { randomOf } from '../../../models/training/random.ts'
import { parsePublish, varint, writePublishes } from '../../../sync/mqtt/publish.ts'

const SEED = 20_261_123
const ROUNDS = 2_000
const LETTERS = [...'aZ0/é漢🚚']

/** The body of a packet that mqtt-packet wrote, and the flags of its first byte. */
function split(packet: Buffer) {
  return { flags: packet[0] & 15, body: packet.subarray(varint(packet, 1).end) }
}

test(`what mqtt-packet writes is read back, ${ROUNDS} times (seed ${SEED})`, () => {
  const random = randomOf(SEED)
  const below = (n: number) => Math.floor(random() * n)
  const word = (most: number) =>
    Array.from({ length: 1 + below(most) }, () => LETTERS[below(LETTERS.length)]).join('')
  for (let round = 0; round < ROUNDS; round++) {
    const user = Object.fromEntries(
      Array.from({ length: below(14) }, (_, n) => [`name${n}`, word(40)]),
    )
    const qos = below(2) as 0 | 1
    const payload = Buffer.from(Array.from({ length: below(300) }, () => below(256)))
    const contentType = word(20)
    const topic = word(60)
    const messageId = 1 + below(65_535)
    const retain = below(2) === 1
    const given = generate(
      {
        ...{ cmd: 'publish', topic, qos, retain, dup: below(2) === 1, messageId, payload },
        properties: {
          contentType,
          ...(Object.keys(user).length > 0 && { userProperties: user }),
          payloadFormatIndicator: below(2) === 1,
          messageExpiryInterval: below(2 ** 31),
          responseTopic: 'answer/here',
          correlationData: Buffer.from([1, 2, 3]),
        },
      },
      { protocolVersion: 5 },
    )
    const { flags, body } = split(given)
    const read = parsePublish(flags, body)
    assert.deepEqual(
      { ...read, user: { ...read.user } },
      { topic, qos, retain, messageId: qos ? messageId : 0, contentType, user, payload },
    )
  }
})

test('a packet that is cut short or torn ends in a RangeError and nothing else', () => {
  const random = randomOf(SEED)
  const whole = generate(
    {
      ...{ cmd: 'publish', topic: 'milepost/records/t/events', qos: 1, retain: false, dup: false },
      messageId: 7,
      payload: '{}',
      properties: { contentType: 'application/json', userProperties: { vehicle: 't', seq: '1' } },
    },
    { protocolVersion: 5 },
  )
  const { flags, body } = split(whole)
  let refused = 0
  for (let round = 0; round < ROUNDS; round++) {
    const torn = Buffer.from(body.subarray(0, Math.floor(random() * (body.length + 1))))
    for (let n = 0; n < 3 && torn.length > 0; n++) {
      torn[Math.floor(random() * torn.length)] = Math.floor(random() * 256)
    }
    try {
      parsePublish(flags, torn)
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error))
      refused++
    }
  }
  assert.ok(refused > ROUNDS / 2, `${refused} refused`)
})

test('what is written is what mqtt-packet writes', () => {
  const messages = [0, 1, 100, 127, 128, 20_000].map((length) => ({
    topic: `milepost/position/漢${length}`,
    payload: 'é'.repeat(length),
  }))
  const theirs = messages.map((message) =>
    generate(
      { cmd: 'publish', qos: 0, retain: false, dup: false, properties: {}, ...message },
      { protocolVersion: 5 },
    ),
  )
  assert.deepEqual(writePublishes(messages), Buffer.concat(theirs))
})
