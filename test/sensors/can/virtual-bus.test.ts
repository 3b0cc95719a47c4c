import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChannelFrame } from '../../../sensors/can/channel.ts'
import { VirtualBus } from '../../../sensors/can/virtual-bus.ts'
import { FRAME_BRS, FRAME_EXT, FRAME_FD, FRAME_RTR } from '../../../sensors/frame.ts'
import { HandClock } from '../recorder.ts'

const ALL = [
  { id: 0, mask: 0 },
  { id: 0, mask: 0, ext: true },
]

test('every other node hears a frame, in order, after send has returned', async () => {
  const clock = new HandClock()
  const bus = new VirtualBus(clock)
  const [a, b, c] = [bus.channel(), bus.channel(), bus.channel()]
  const heard: string[] = []
  for (const [name, node] of Object.entries({ a, b, c })) {
    node.onFrame(ALL, (frame) => heard.push(`${name} ${frame.id} ${frame.data.length}`))
  }
  const data = Uint8Array.of(1, 2)
  a.send(1, false, data)
  c.send(2, true, new Uint8Array(64), FRAME_FD | FRAME_BRS)
  assert.deepEqual(heard, [])
  await bus.settled()
  assert.deepEqual(heard, ['b 1 2', 'c 1 2', 'a 2 64', 'b 2 64'])
  assert.equal(bus.carried, 2)
})

test('a frame carries the time of its sending and the flags it may have', async () => {
  const clock = new HandClock()
  const bus = new VirtualBus(clock)
  const frames: ChannelFrame[] = []
  bus.channel().onFrame(ALL, (frame) => frames.push(frame))
  const node = bus.channel()
  const data = Uint8Array.of(7)
  node.send(0x123, true, data, FRAME_RTR)
  const sentUs = clock.wall
  clock.advance(1000)
  data[0] = 9
  await bus.settled()
  assert.deepEqual(frames, [
    { timeUs: sentUs, id: 0x123, ext: true, flags: FRAME_EXT, data: Uint8Array.of(7) },
  ])
})

test('frames that cannot be are refused', () => {
  const node = new VirtualBus(new HandClock()).channel()
  const refused = { code: 'DEVICE_PROTOCOL' }
  assert.throws(() => node.send(0x800, false, new Uint8Array(1)), refused)
  assert.throws(() => node.send(0x2000_0000, true, new Uint8Array(1)), refused)
  assert.throws(() => node.send(1, false, new Uint8Array(9)), refused)
  assert.throws(() => node.send(1, false, new Uint8Array(9), FRAME_FD), refused)
})

test('a cut wire refuses to send and loses what is under way; a full one says so', async () => {
  const bus = new VirtualBus(new HandClock())
  const [a, b] = [bus.channel(), bus.channel()]
  let heard = 0
  b.onFrame(ALL, () => heard++)
  a.send(1, false, new Uint8Array(1))
  bus.down = true
  assert.throws(() => a.send(1, false, new Uint8Array(1)), { code: 'DEVICE_LOST' })
  await bus.settled()
  assert.equal(heard, 0)
  bus.down = false
  assert.throws(
    () => {
      for (let i = 0; i < 5000; i++) a.send(1, false, new Uint8Array(1))
    },
    { code: 'DEVICE_BUSY' },
  )
  await bus.settled()
  assert.equal(heard, 4096)
})
