import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerBuffers } from '../../../sync/kafka/history/answers.ts'

test('an answer that is in use keeps its bytes while the next ones come', () => {
  const buffers = new AnswerBuffers()
  const first = buffers.copyOf(Buffer.from('first'))
  const second = buffers.copyOf(Buffer.from('second'))
  assert.equal(String(first), 'first')
  assert.equal(String(second), 'second')
  assert.equal(buffers.copyOf(Buffer.from('third')), undefined, 'both are in use')
  buffers.giveBack(first)
  assert.equal(String(buffers.copyOf(Buffer.from('fourth and longer'))), 'fourth and longer')
  assert.equal(String(second), 'second')
})

test('what was given back is used again, however many answers come', () => {
  const buffers = new AnswerBuffers()
  const memory = new Set<ArrayBufferLike>()
  for (let n = 0; n < 100; n++) {
    const copy = buffers.copyOf(Buffer.alloc(1000 - n, n))!
    assert.equal(copy.length, 1000 - n)
    assert.ok(copy.every((byte) => byte === n))
    memory.add(copy.buffer)
    buffers.giveBack(copy)
  }
  assert.equal(memory.size, 1)
})
