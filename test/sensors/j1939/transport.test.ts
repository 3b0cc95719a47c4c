import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  MAX_SESSIONS,
  type TransportMessage,
  TransportReceiver,
} from '../../../sensors/j1939/transport-receiver.ts'
import { TransportSender } from '../../../sensors/j1939/transport-sender.ts'
import { Random } from '../../../sensors/simulator/random.ts'
import { SEED, tries } from '../../support/fuzz.ts'
import { pattern } from '../isotp/pair.ts'

const OWN = 0xf9
const ECU = 0x03
const GROUP = 65260

/** A sender and a receiver in virtual time; `lost` says which packets never arrive. */
function converse(length: number, broadcast: boolean, lost: (n: number) => boolean = () => false) {
  const messages: TransportMessage[] = []
  const broken: string[] = []
  const sent: string[] = []
  const control: Uint8Array[] = []
  let nowUs = 0
  let packets = 0
  const wire: (() => void)[] = []
  const destination = broadcast ? 0xff : OWN
  const receiver = new TransportReceiver(
    {
      message: (message) => messages.push(message),
      broken: (_, __, reason) => broken.push(reason),
      control: (_, data) => {
        control.push(data)
        wire.push(() => sender.control(data, nowUs))
      },
    },
    () => OWN,
  )
  const sender = new TransportSender({
    control: (data) => wire.push(() => receiver.control(ECU, destination, data, nowUs)),
    packet: (data) => {
      if (!lost(packets++)) wire.push(() => receiver.packet(ECU, destination, data, nowUs))
    },
    sent: () => sent.push('sent'),
    failed: (reason) => sent.push(reason),
  })
  sender.start(pattern(length), GROUP, broadcast, nowUs)
  for (let step = 0; step < 100_000; step++) {
    const next = wire.shift()
    if (next) {
      next()
      continue
    }
    const due = Math.min(sender.deadlineUs, receiver.deadlineUs)
    if (due === Number.POSITIVE_INFINITY) break
    nowUs = due
    sender.tick(nowUs)
    receiver.tick(nowUs)
  }
  return { messages, broken, sent, control, packets }
}

test('messages of 9 to 1785 bytes arrive as they were, to all and to one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 9, max: 1785 }), fc.boolean(), (length, broadcast) => {
      const { messages, broken, sent } = converse(length, broadcast)
      assert.deepEqual(broken, [])
      assert.deepEqual(sent, ['sent'])
      const destination = broadcast ? 0xff : OWN
      assert.deepEqual(messages, [{ pgn: GROUP, source: ECU, destination, data: pattern(length) }])
    }),
    { numRuns: 200 },
  )
})

test('a lost packet ends a broadcast; in a conversation it is a time-out that both are told', () => {
  const broadcast = converse(100, true, (n) => n === 4)
  assert.deepEqual(broadcast.messages, [])
  assert.deepEqual(broadcast.broken, ['missing packet'])
  const last = converse(100, true, (n) => n === 14)
  assert.deepEqual(last.broken, ['timeout'])
  const conversation = converse(100, false, (n) => n >= 3)
  assert.deepEqual(conversation.messages, [])
  assert.deepEqual(conversation.broken, ['timeout'])
  assert.deepEqual(conversation.sent, ['timeout'])
  assert.equal(conversation.control.at(-1)?.[0], 255)
})

test('packets of a conversation that got lost are asked for again', () => {
  const frames: Uint8Array[] = []
  const got: TransportMessage[] = []
  const receiver = new TransportReceiver(
    { message: (m) => got.push(m), broken: () => {}, control: (_, data) => frames.push(data) },
    () => OWN,
  )
  const rts = Uint8Array.of(16, 28, 0, 4, 2, 0xec, 0xfe, 0)
  receiver.control(ECU, OWN, rts, 0)
  assert.deepEqual([...frames[0].subarray(0, 3)], [17, 2, 1])
  const packet = (n: number) => Uint8Array.of(n, n, n, n, n, n, n, n)
  receiver.packet(ECU, OWN, packet(2), 0)
  receiver.packet(ECU, OWN, packet(2), 0)
  assert.deepEqual([...frames[1].subarray(0, 3)], [17, 1, 1], 'the first is asked for again')
  receiver.packet(ECU, OWN, packet(1), 0)
  assert.deepEqual([...frames[2].subarray(0, 3)], [17, 2, 3])
  receiver.packet(ECU, OWN, packet(3), 0)
  receiver.packet(ECU, OWN, packet(4), 0)
  assert.equal(frames[3][0], 19)
  assert.deepEqual(
    [...got[0].data],
    [1, 2, 3, 4].flatMap((n) => Array(7).fill(n)),
  )
})

test('what others say to each other is overheard without a word', () => {
  const got: TransportMessage[] = []
  const receiver = new TransportReceiver({
    message: (m) => got.push(m),
    broken: () => {},
    control: () => assert.fail('not ours to answer'),
  })
  receiver.control(1, 2, Uint8Array.of(16, 9, 0, 2, 255, 0xec, 0xfe, 0), 0)
  receiver.control(2, 1, Uint8Array.of(17, 2, 1, 255, 255, 0xec, 0xfe, 0), 0)
  receiver.packet(1, 2, Uint8Array.of(1, 1, 2, 3, 4, 5, 6, 7), 0)
  receiver.packet(1, 2, Uint8Array.of(2, 8, 9, 255, 255, 255, 255, 255), 0)
  receiver.control(2, 1, Uint8Array.of(19, 9, 0, 2, 255, 0xec, 0xfe, 0), 0)
  assert.deepEqual(got, [
    { pgn: GROUP, source: 1, destination: 2, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9) },
  ])
  assert.equal(receiver.open, 0)
})

test(`a message beyond ${MAX_SESSIONS} at once is told as broken, and refused where it is for us`, () => {
  const broken: [number, number, string][] = []
  const answers: number[][] = []
  const receiver = new TransportReceiver(
    {
      message: () => {},
      broken: (...what) => broken.push(what),
      control: (to, data) => answers.push([to, data[0], data[1]]),
    },
    () => OWN,
  )
  const bam = Uint8Array.of(32, 9, 0, 2, 255, 0xec, 0xfe, 0)
  const rts = Uint8Array.of(16, 9, 0, 2, 255, 0xec, 0xfe, 0)
  for (let source = 0; source <= MAX_SESSIONS; source++) receiver.control(source, 0xff, bam, 0)
  receiver.control(ECU, OWN, rts, 0)
  assert.deepEqual(broken, [
    [MAX_SESSIONS, GROUP, 'resources'],
    [ECU, GROUP, 'resources'],
  ])
  assert.deepEqual(answers, [[ECU, 255, 2]])
  assert.equal(receiver.open, MAX_SESSIONS)
})

const FRAMES = tries(200_000, 1_000_000)

test(`${FRAMES} random transport frames (seed ${SEED}): no crash, never more than ${MAX_SESSIONS} messages at once`, () => {
  const random = new Random(SEED, 'transport')
  const heads = [16, 17, 19, 32, 255]
  const broken = new Set<string>()
  let messages = 0
  let nowUs = 0
  let most = 0
  const receiver = new TransportReceiver(
    {
      message: ({ data }) => {
        messages++
        if (data.length < 9 || data.length > 1785) assert.fail(`${data.length} bytes`)
      },
      broken: (_, __, reason) => broken.add(reason),
      control: () => {},
    },
    () => OWN,
  )
  const destinations = [OWN, 0xff, 0x10]
  const next = new Uint8Array(256 * 3).fill(1)
  for (let i = 0; i < FRAMES; i++) {
    nowUs += random.next() < 0.0005 ? 2_000_000 : random.integer(0, 500)
    receiver.tick(nowUs)
    const source = random.next() < 0.6 ? random.integer(0, 3) : random.integer(0, 255)
    const to = random.integer(0, 2)
    const data = Uint8Array.from({ length: random.next() < 0.95 ? 8 : random.integer(0, 7) }, () =>
      random.integer(0, 255),
    )
    if (random.next() < 0.2) {
      data[0] = heads[random.integer(0, heads.length - 1)]
      // One group mostly, so that an abort meets what it aborts.
      if (random.next() < 0.5) data.fill(0, 5)
      // Half of the announcements fit, so that messages come about.
      if (random.next() < 0.5 && data.length === 8) {
        const size = random.integer(9, 40)
        data.set([size, 0, Math.ceil(size / 7)], 1)
      }
      next[source * 3 + to] = 1
      receiver.control(source, destinations[to], data, nowUs)
    } else {
      if (random.next() < 0.9) data[0] = next[source * 3 + to]++
      receiver.packet(source, destinations[to], data, nowUs)
    }
    most = Math.max(most, receiver.open)
    if (receiver.open > MAX_SESSIONS) assert.fail(`${receiver.open} messages at once`)
  }
  assert.ok(messages > 50, `${messages} messages`)
  assert.ok(broken.size >= 4 && most > 8, `${[...broken]}, ${most}`)
  receiver.tick(nowUs + 10_000_000)
  assert.equal(receiver.open, 0)
})
