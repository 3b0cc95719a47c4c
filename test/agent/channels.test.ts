import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Channels } from '../../agent/channels.ts'
import { systemClock } from '../../agent/clock.ts'
import type { ChannelFrame, IdFilter } from '../../sensors/can/channel.ts'
import { VirtualBus } from '../../sensors/can/virtual-bus.ts'
import { FRAME_ERR, FRAME_EXT, FRAME_STRIDE, FrameBatch } from '../../sensors/frame.ts'

const channelsOf = (send: IdFilter[], reads?: IdFilter[]) =>
  new Channels((bus) => ({ name: `can${bus}`, send, reads }))

function batchOf(...frames: [bus: number, id: number, flags: number, hex: string][]): FrameBatch {
  const batch = new FrameBatch(frames.length)
  for (const [bus, id, flags, hex] of frames) {
    const i = batch.count++
    const data = Buffer.from(hex, 'hex')
    batch.bus[i] = bus
    batch.id[i] = id
    batch.flags[i] = flags
    batch.timeUs[i] = 1_000_000 + i
    batch.length[i] = data.length
    batch.data.set(data, i * FRAME_STRIDE)
  }
  return batch
}

test('nothing may be sent unless the config names it', () => {
  const silent = channelsOf([]).of(0)
  silent.offer(() => assert.fail('sent all the same'))
  assert.throws(() => silent.send(0x7df, false, new Uint8Array(8)), {
    code: 'SEND_DENIED',
    hint: /buses\.can0\.send: \[0x7DF\]/,
  })
  assert.equal(silent.denied, 1)
  const sent: number[] = []
  const channels = channelsOf([{ id: 0x7df }, { id: 0x7e0, mask: 0x7f8 }])
  const bus = channels.of(0)
  bus.offer((id) => sent.push(id))
  bus.send(0x7df, false, new Uint8Array(8))
  bus.send(0x7e3, false, new Uint8Array(8))
  assert.throws(() => bus.send(0x7e3, true, new Uint8Array(8)), { code: 'SEND_DENIED' })
  assert.throws(() => bus.send(0x7e8, false, new Uint8Array(8)), { code: 'SEND_DENIED' })
  assert.deepEqual(sent, [0x7df, 0x7e3])
  assert.deepEqual(channels.status(), [{ bus: 'can0', sent: 2, denied: 2 }])
})

test('who will have to send hears of everything that is not allowed before it begins', () => {
  const bus = channelsOf([{ id: 0x7df }]).of(0)
  bus.mustSend([{ id: 0x7df, ext: false }])
  const frames = [0x7df, 0x7e0, 0x7e1].map((id) => ({ id, ext: false }))
  assert.throws(() => bus.mustSend(frames), {
    code: 'SEND_DENIED',
    hint: /buses\.can0\.send: \[0x7E0, 0x7E1\]/,
  })
  assert.deepEqual([bus.sent, bus.denied], [0, 0])
})

test('sending without an open sensor says so, and works again with the next one', () => {
  const bus = channelsOf([{ id: 1 }]).of(0)
  const send = () => bus.send(1, false, new Uint8Array(1))
  assert.throws(send, { code: 'DEVICE_LOST', hint: /status/ })
  const take = bus.offer(() => {})
  send()
  take()
  assert.throws(send, { code: 'DEVICE_LOST' })
  assert.equal(bus.sent, 1)
})

test('of two sensors that own a bus the later sends, and the first again when it closes', () => {
  const bus = channelsOf([{ id: 1 }]).of(0)
  const sent: string[] = []
  const send = () => bus.send(1, false, new Uint8Array(1))
  const first = bus.offer(() => sent.push('first'))
  const second = bus.offer(() => sent.push('second'))
  send()
  second()
  second()
  send()
  const third = bus.offer(() => sent.push('third'))
  first()
  send()
  third()
  assert.deepEqual(sent, ['second', 'first', 'third'])
  assert.throws(send, { code: 'DEVICE_LOST' })
})

test('listeners get the frames of their bus and form that they asked for, as copies', () => {
  const channels = channelsOf([])
  const heard: ChannelFrame[] = []
  const stop = channels
    .of(0)
    .onFrame([{ id: 0x7e8, mask: 0x7f8 }, { id: 0x18daf110 }], (frame) => heard.push(frame))
  const batch = batchOf(
    [0, 0x7e8, 0, '0341'],
    [1, 0x7e8, 0, 'ff'],
    [0, 0x7e8, FRAME_EXT, 'ff'],
    [0, 0x7f0, 0, 'ff'],
    [0, 0x7ef, 0, ''],
    [0, 0x18daf110, FRAME_EXT, '0102'],
    [0, 0x7e8, FRAME_ERR, 'ff'],
  )
  channels.route(batch)
  batch.data.fill(0xee)
  assert.deepEqual(
    heard.map(({ id, data }) => [id, Buffer.from(data).toString('hex')]),
    [
      [0x7e8, '0341'],
      [0x7ef, ''],
      [0x18daf110, '0102'],
    ],
  )
  stop()
  channels.route(batch)
  assert.equal(heard.length, 3)
})

test('what is wanted of a bus is what is read and what is listened to', () => {
  assert.equal(channelsOf([]).of(0).current(), undefined)
  const bus = channelsOf([], [{ id: 0x100 }]).of(0)
  let changes = 0
  bus.onChange(() => changes++)
  const stop = bus.onFrame([{ id: 0x7e8 }], () => {})
  assert.deepEqual(bus.current(), [{ id: 0x100 }, { id: 0x7e8 }])
  stop()
  stop()
  assert.deepEqual(bus.current(), [{ id: 0x100 }])
  assert.equal(changes, 2)
})

test('an agent bus over a virtual one: a question goes out, the answer comes back', async () => {
  const wire = new VirtualBus(systemClock)
  const ecu = wire.channel()
  ecu.onFrame([{ id: 0x7df }], (asked) => ecu.send(0x7e8, false, asked.data))
  // The sensor that owns the bus: what it hears goes to the agent as a batch.
  const channels = channelsOf([{ id: 0x7df }])
  const device = wire.channel()
  device.onFrame([{ id: 0, mask: 0 }], (frame) =>
    channels.route(batchOf([0, frame.id, frame.flags, Buffer.from(frame.data).toString('hex')])),
  )
  const bus = channels.of(0)
  bus.offer((id, ext, data, flags) => device.send(id, ext, data, flags))
  const answers: ChannelFrame[] = []
  bus.onFrame([{ id: 0x7e8 }], (frame) => answers.push(frame))
  bus.send(0x7df, false, Uint8Array.of(2, 1, 0x0c))
  await wire.settled()
  assert.deepEqual(
    answers.map(({ data }) => [...data]),
    [[2, 1, 0x0c]],
  )
})
