import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Batch, BatchWriter, recordsOf } from '../../sync/batch.ts'
import { LANES } from '../../sync/record.ts'
import { record } from './support.ts'

const texts = (batch: Batch) =>
  recordsOf(batch).map(({ lane, type, payload }) => `${lane} ${type} ${Buffer.from(payload)}`)

/** As a thread that is done with a batch hands its memory back. */
function back(batch: Batch) {
  const { columns, payloads } = structuredClone(batch, {
    transfer: [batch.columns.buffer, batch.payloads.buffer],
  })
  return [{ columns, payloads }]
}

test('memory that came back holds the next batch, whatever it held before', () => {
  const writer = new BatchWriter()
  for (let round = 0; round < 5; round++) {
    const wanted: string[] = []
    // Fewer and shorter ones each time, then again more than there is room for.
    for (let n = 0; n < (round === 4 ? 500 : 200 >> round); n++) {
      const text = `${round}`.repeat(1 + (n % (90 - round * 20)))
      const type = `t${round}.${n % 3}`
      writer.add(record(LANES[n % 3], n % 2 ? text : Buffer.from(text), { type }))
      wanted.push(`${LANES[n % 3]} ${type} ${text}`)
    }
    const batch = writer.take([])
    assert.deepEqual(texts(batch), wanted)
    writer.giveBack(back(batch))
  }
})

test('a small number of buffers is kept, and no large one', () => {
  const writer = new BatchWriter()
  const taken = Array.from({ length: 6 }, (_, n) => {
    writer.add(record('events', 'x'.repeat(n === 0 ? 5_000_000 : 10)))
    return writer.take([])
  })
  const buffers = taken.flatMap(back)
  writer.giveBack(buffers)
  const again = Array.from({ length: 6 }, () => {
    writer.add(record('events', 'y'))
    return writer.take([]).payloads.buffer
  })
  const reused = buffers.filter(({ payloads }) => again.includes(payloads.buffer))
  assert.equal(reused.length, 2)
  assert.ok(reused.every(({ payloads }) => payloads.byteLength < 5_000_000))
})
