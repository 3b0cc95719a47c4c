import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameRing } from '../../../sensors/can/ring.ts'
import { FRAME_EXT, FRAME_STRIDE, FrameBatch } from '../../../sensors/frame.ts'

const payload = new Uint32Array(20)

/** Writes frame number `n`: everything about it follows from the number. */
function write(ring: FrameRing, n: number): void {
  const length = n % 65
  new Uint8Array(payload.buffer, 8, length).fill(n & 0xff)
  ring.write(1e15 + n, n, n & FRAME_EXT, length, payload, 2)
}

function check(batch: FrameBatch, i: number, n: number): void {
  assert.equal(batch.id[i], n)
  assert.equal(batch.timeUs[i], 1e15 + n)
  assert.equal(batch.flags[i], n & FRAME_EXT)
  assert.equal(batch.length[i], n % 65)
  const data = batch.data.subarray(i * FRAME_STRIDE, i * FRAME_STRIDE + (n % 65))
  assert.ok(data.every((byte) => byte === (n & 0xff)))
}

test('frames come out as they went in, in order, over many turns of the ring', () => {
  const ring = FrameRing.create(60)
  assert.equal(ring.capacity, 64)
  const reader = new FrameRing(ring.buffer)
  const batch = new FrameBatch(50)
  let written = 0
  let read = 0
  while (read < 5000) {
    const burst = Math.min(ring.room(), 1 + ((written * 7) % 40))
    for (let i = 0; i < burst; i++) write(ring, written++)
    assert.equal(reader.waiting(), written - read - burst, 'nothing is seen before it is published')
    ring.publish()
    // Not always all: the reader lags behind and catches up.
    if (written % 3 === 0 && ring.room() > 0) continue
    while (reader.waiting() > 0) {
      reader.take(batch)
      for (let i = 0; i < batch.count; i++) check(batch, i, read++)
    }
  }
  assert.equal(read, written)
})

test('a full ring has no room until something is taken', () => {
  const ring = FrameRing.create(16)
  for (let n = 0; n < 16; n++) write(ring, n)
  ring.publish()
  assert.equal(ring.room(), 0)
  const reader = new FrameRing(ring.buffer)
  const batch = new FrameBatch(5)
  reader.take(batch)
  assert.equal(batch.count, 5)
  assert.equal(ring.room(), 5)
})

test('the reader is woken once, and only if it sleeps', () => {
  const ring = FrameRing.create(16)
  const reader = new FrameRing(ring.buffer)
  write(ring, 0)
  assert.equal(ring.publish(), false)
  assert.equal(reader.sleep(), false, 'there is something already')
  reader.take(new FrameBatch(16))
  assert.equal(reader.sleep(), true)
  write(ring, 1)
  assert.equal(ring.publish(), true)
  write(ring, 2)
  assert.equal(ring.publish(), false)
})

test('stopping is seen by the other side, which no longer rests', () => {
  const ring = FrameRing.create(16)
  const writer = new FrameRing(ring.buffer)
  assert.equal(writer.stopped, false)
  ring.stop()
  assert.equal(writer.stopped, true)
  // Would stand for a minute otherwise.
  writer.rest(60_000)
})
