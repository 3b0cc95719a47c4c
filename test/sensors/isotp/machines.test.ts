import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FD_LENGTHS } from '../../../sensors/frame.ts'
import { settingsOf } from '../../../sensors/isotp/options.ts'
import { parsePci, separationByte, separationUs } from '../../../sensors/isotp/pci.ts'
import { IsoTpReceiver } from '../../../sensors/isotp/receiver.ts'
import { IsoTpSender } from '../../../sensors/isotp/sender.ts'
import { Random } from '../../../sensors/simulator/random.ts'
import { SEED, tries } from '../../support/fuzz.ts'
import { converse, pattern } from './pair.ts'

const hex = (frame: Uint8Array): string => Buffer.from(frame).toString('hex')

test('the frames of ISO 15765-2 by hand: single, first, consecutive, flow control', () => {
  const short = converse(Uint8Array.of(1, 2, 3))
  assert.deepEqual(short.frames.map(hex), ['03010203cccccccc'])
  const long = converse(pattern(20), { receiver: { blockSize: 1, separationUs: 300 } })
  assert.deepEqual(long.frames.map(hex), [
    '101400070e151c23',
    '3001f3cccccccccc',
    '212a31383f464d54',
    '3001f3cccccccccc',
    '225b626970777e85',
  ])
  assert.deepEqual(long.message, pattern(20))
  const extended = converse(pattern(8), { byte: 0x55 })
  assert.deepEqual(extended.frames.map(hex), [
    '55100800070e151c',
    '55300000cccccccc',
    '5521232a31cccccc',
  ])
})

test('CAN FD: the short form where it fits, the escape where not, lengths by DLC', () => {
  const fd = { fd: true } as const
  assert.equal(hex(converse(pattern(7), { sender: fd }).frames[0]), '0700070e151c232a')
  const nine = converse(pattern(9), { sender: fd }).frames[0]
  assert.equal(hex(nine), `0009${hex(pattern(9))}cc`)
  const long = converse(pattern(100), { sender: fd, receiver: fd })
  assert.deepEqual(
    long.frames.map((frame) => frame.length),
    [64, 8, 48],
  )
  assert.deepEqual(long.message, pattern(100))
})

test('4095 bytes state their length in 12 bits, one more by the 32-bit escape', () => {
  const most = converse(pattern(4095))
  assert.equal(hex(most.frames[0].subarray(0, 2)), '1fff')
  assert.deepEqual(most.message, pattern(4095))
  const more = { maxLength: 70_000 }
  const escaped = converse(pattern(4096), { sender: more, receiver: more })
  assert.equal(hex(escaped.frames[0].subarray(0, 6)), '100000001000')
  assert.deepEqual(escaped.message, pattern(4096))
  const refused = converse(pattern(4096), { sender: more })
  assert.deepEqual(refused.faults, [
    { side: 'receiver', fault: 'N_BUFFER_OVFLW' },
    { side: 'sender', fault: 'N_BUFFER_OVFLW' },
  ])
  assert.equal(refused.message, undefined)
})

test('whatever the length, blocks, separation, addressing and frame size: it arrives as it was', () => {
  const frameBytes = fc.constantFrom(8, ...FD_LENGTHS.filter((length) => length > 8))
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6000 }),
      frameBytes,
      fc.integer({ min: 0, max: 20 }),
      fc.constantFrom(0, 100, 450, 900, 1000, 5000),
      fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
      fc.constantFrom(null, 0x00, 0xcc),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 2 }),
      (length, size, blockSize, us, byte, padding, notReady, busy) => {
        const fd = size > 8
        const common = { fd, frameBytes: size, maxLength: 6000, padding }
        const { faults, message, sent, frames, timesUs } = converse(pattern(length), {
          sender: common,
          receiver: { ...common, blockSize, separationUs: us },
          byte,
          notReady,
          busy: () => busy,
        })
        assert.deepEqual(faults, [])
        assert.ok(sent)
        assert.deepEqual(message, pattern(length))
        const prefix = byte === undefined ? 0 : 1
        let last = Number.NEGATIVE_INFINITY
        frames.forEach((frame, i) => {
          assert.ok(fd ? FD_LENGTHS.includes(frame.length) : frame.length <= 8)
          if (frame[prefix] >> 4 !== 2) return
          assert.ok(timesUs[i] - last >= us, 'too close together')
          last = timesUs[i]
        })
      },
    ),
    { numRuns: 300 },
  )
})

test('one frame lost, whichever: both ends are told in time, and are ready for the next message', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 8, max: 300 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 8 }),
      (length, lost, blockSize) => {
        const { frames, message, sent, faults } = converse(pattern(length), {
          receiver: { blockSize },
          lost: (_, index) => index === lost,
        })
        if (lost >= frames.length) {
          assert.deepEqual(message, pattern(length))
          return
        }
        assert.equal(message, undefined)
        // What is lost at the very end only the receiver can know of.
        assert.ok(faults.length > 0 && (!sent || faults.every(({ side }) => side === 'receiver')))
        const expected = ['N_TIMEOUT_BS', 'N_TIMEOUT_CR', 'N_WRONG_SN']
        for (const { fault } of faults) assert.ok(expected.includes(fault), fault)
      },
    ),
    { numRuns: 300 },
  )
})

test('wait frames are bounded on both sides', () => {
  const patient = converse(pattern(50), { notReady: 5, receiver: { maxWaits: 5 } })
  assert.deepEqual(patient.message, pattern(50))
  assert.equal(patient.frames.filter((frame) => frame[0] === 0x31).length, 5)
  const receiver = converse(pattern(50), { notReady: 99, receiver: { maxWaits: 4 } })
  assert.deepEqual(receiver.faults, [
    { side: 'receiver', fault: 'N_WFT_OVRN' },
    { side: 'sender', fault: 'N_TIMEOUT_BS' },
  ])
  const sender = converse(pattern(50), { notReady: 9, sender: { maxWaits: 2 } })
  assert.ok(sender.faults.some(({ side, fault }) => side === 'sender' && fault === 'N_WFT_OVRN'))
})

test('a device that stays busy: N_TIMEOUT_A after N_As', () => {
  const { faults, endUs } = converse(pattern(50), {
    busy: (index) => (index === 3 ? 1e9 : 0),
    sender: { sendTimeoutMs: 200 },
  })
  assert.deepEqual(faults[0], { side: 'sender', fault: 'N_TIMEOUT_A' })
  assert.deepEqual(faults[1], { side: 'receiver', fault: 'N_TIMEOUT_CR' })
  assert.ok(endUs >= 200_000)
})

test('separation by its byte, µs included; reserved values are the longest', () => {
  assert.equal(separationUs(0x7f), 127_000)
  assert.equal(separationUs(0xf1), 100)
  assert.equal(separationUs(0xf9), 900)
  for (const reserved of [0x80, 0xf0, 0xfa, 0xff]) assert.equal(separationUs(reserved), 127_000)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 127_000 }), (us) => {
      assert.ok(separationUs(separationByte(us)) >= us)
    }),
  )
})

test('reserved flow status ends the sending, flow control out of turn does nothing', () => {
  const faults: string[] = []
  const frames: Uint8Array[] = []
  const sender = new IsoTpSender(settingsOf(), undefined, {
    transmit: (frame) => frames.push(frame) > 0,
    sent: () => {},
    failed: (fault) => faults.push(fault),
  })
  const flow = (...bytes: number[]): void =>
    sender.flow(parsePci(Uint8Array.from(bytes), 0) as never, 0)
  flow(0x30, 0, 0)
  assert.equal(sender.busy, false)
  sender.start(pattern(30), 0)
  flow(0x35, 0, 0)
  assert.deepEqual(faults, ['N_INVALID_FS'])
  flow(0x30, 0, 0)
  assert.equal(frames.length, 1)
})

const FRAMES = tries(200_000, 1_000_000)
const MOST = 200

test(`${FRAMES} random frames (seed ${SEED}): no crash, no growth, no message longer than allowed`, () => {
  const random = new Random(SEED, 'isotp')
  // Most heads are of real kinds, so that the machines get somewhere.
  const heads = [0x00, 0x02, 0x07, 0x10, 0x20, 0x21, 0x22, 0x30, 0x31, 0x32, 0x3f, 0x90]
  const options = settingsOf({ maxLength: MOST, fd: true })
  const seen = { messages: 0, sent: 0, faults: new Set<string>() }
  const host = {
    transmit: () => random.next() > 0.02,
    message: (payload: Uint8Array) => {
      seen.messages++
      if (payload.length < 1 || payload.length > MOST) assert.fail(`${payload.length} bytes`)
    },
    sent: () => seen.sent++,
    failed: (fault: string) => seen.faults.add(fault),
    ready: () => random.next() > 0.1,
  }
  const receivers = [0, 1].map((prefix) => new IsoTpReceiver(options, prefix || undefined, host))
  const senders = [0, 1].map((prefix) => new IsoTpSender(options, prefix || undefined, host))
  const bytes = new Uint8Array(64)
  let sequence = 1
  let nowUs = 0
  for (let i = 0; i < FRAMES; i++) {
    const prefix = i & 1
    const receiver = receivers[prefix]
    const sender = senders[prefix]
    nowUs += random.next() < 0.001 ? 2_000_000 : random.integer(0, 2000)
    for (let k = 0; k < 8; k++) bytes[random.integer(0, 63)] = random.integer(0, 255)
    bytes[prefix] = heads[random.integer(0, heads.length - 1)]
    // Now and then a frame that goes on where the last one stopped.
    if (random.next() < 0.5) bytes[prefix] = 0x20 | (sequence++ % 16)
    else if (bytes[prefix] === 0x10) sequence = 1
    const data = bytes.subarray(0, random.next() < 0.5 ? 8 : random.integer(0, 64))
    sender.tick(nowUs)
    receiver.tick(nowUs)
    if (!sender.busy) sender.start(pattern(random.integer(1, MOST)), nowUs)
    const pci = parsePci(data, prefix)
    if (pci?.kind === 'flow') sender.flow(pci, nowUs)
    else if (pci) receiver.frame(pci, data.length, nowUs)
  }
  assert.ok(seen.messages > 100 && seen.sent > 100, JSON.stringify(seen))
  assert.ok(seen.faults.size >= 6, [...seen.faults].join())
})
