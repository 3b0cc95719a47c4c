// The real recvmmsg, on a pair of sockets that every kernel has; the machine test does it with CAN.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as abi from '../../../sensors/can/abi.ts'
import * as linux from '../../../sensors/can/linux.ts'
import { Receiver } from '../../../sensors/can/receiver.ts'
import { FrameRing } from '../../../sensors/can/ring.ts'
import {
  FRAME_BRS,
  FRAME_ERR,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FrameBatch,
} from '../../../sensors/frame.ts'
import { pair, put } from './sockets.ts'

test('every form of a frame, many by one call', (t) => {
  const [receive, send] = pair(t)
  const receiver = new Receiver(receive)
  const ring = FrameRing.create(1024)
  put(send, 16, 0x123, 3, 0, 0xaa)
  put(send, 16, 0x98fef100, 8, 0, 0xbb)
  put(send, 16, 0x40000321, 2)
  put(send, 16, 0x20000040, 8)
  put(send, 72, 0x7ff, 64, 5, 0xcc)
  put(send, 72, 0x80000001, 12, 2, 0xdd)
  assert.equal(receiver.receive(ring), 6)
  ring.publish()
  const batch = new FrameBatch(16)
  new FrameRing(ring.buffer).take(batch)
  const seen = Array.from({ length: batch.count }, (_, i) => [
    batch.id[i],
    batch.flags[i],
    batch.length[i],
    batch.data[i * 64],
    batch.length[i] ? batch.data[i * 64 + batch.length[i] - 1] : 0,
  ])
  assert.deepEqual(seen, [
    [0x123, 0, 3, 0xaa, 0xaa],
    [0x18fef100, FRAME_EXT, 8, 0xbb, 0xbb],
    [0x321, FRAME_RTR, 2, 0, 0],
    [0x40, FRAME_ERR, 8, 0, 0],
    [0x7ff, FRAME_FD | FRAME_BRS, 64, 0xcc, 0xcc],
    [1, FRAME_EXT | FRAME_FD | 8, 12, 0xdd, 0xdd],
  ])
  assert.equal(receiver.receive(ring), -abi.EAGAIN)
})

test('a length that no frame can have is cut, and no more is fetched than there is room for', (t) => {
  const [receive, send] = pair(t)
  const receiver = new Receiver(receive)
  const ring = FrameRing.create(16)
  for (let i = 0; i < 10; i++) put(send, 16, i, 8)
  const frame = new Uint8Array(16)
  frame[4] = 255
  for (let i = 0; i < 10; i++) linux.send(send, frame, 16, 0)
  const before = receiver.receive(ring)
  ring.publish()
  assert.ok(before <= 16)
  let got = before
  const reader = new FrameRing(ring.buffer)
  const batch = new FrameBatch(16)
  reader.take(batch)
  while (got < 20) {
    got += receiver.receive(ring)
    ring.publish()
  }
  reader.take(batch)
  assert.equal(got, 20)
  assert.ok(batch.length.subarray(0, batch.count).every((length) => length <= 8))
})
