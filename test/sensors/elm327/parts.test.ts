import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { acceptanceFor } from '../../../sensors/elm327/acceptance.ts'
import { parseFrameLine } from '../../../sensors/elm327/frame-line.ts'

describe('the parts of an ELM327', () => {
  it('lines are frames only where the length is right', () => {
    const hex = (...parsed: Parameters<typeof parseFrameLine>) => {
      const frame = parseFrameLine(...parsed)
      return frame && [frame.id, Buffer.from(frame.data).toString('hex')]
    }
    assert.deepEqual(hex('7E8 2 41 0C', false, true), [0x7e8, '410c'])
    assert.deepEqual(hex('18DAF110241FF', true, true), [0x18daf110, '41ff'])
    assert.deepEqual(hex('7E80', false, true), [0x7e8, ''])
    assert.deepEqual(hex('7E8410C', false, false), [0x7e8, '410c'])
    for (const line of ['7E8241', '7E82410C00', '7E8', 'FFF0', '7E8G410C', '']) {
      assert.equal(hex(line, false, true), undefined, line)
    }
    assert.equal(hex('7E8010203040506070809', false, false), undefined)
  })

  it('one filter for many loses none of them', () => {
    const wanted = [{ id: 0x7e8 }, { id: 0x7ea }, { id: 0x100, mask: 0x700 }, { id: 0x18fef100 }]
    const [one, ...more] = acceptanceFor(wanted, false, 1)
    assert.deepEqual(more, [])
    for (const id of [0x7e8, 0x7ea, 0x100, 0x1ff]) assert.equal((id ^ one.id) & one.mask, 0)
    assert.equal(acceptanceFor(wanted, false, 8).length, 3)
    assert.deepEqual(acceptanceFor(wanted, true, 8), [{ id: 0x18fef100, mask: 0x1fffffff }])
    assert.deepEqual(acceptanceFor(undefined, false, 8), [{ id: 0, mask: 0 }])
    assert.deepEqual(acceptanceFor([], true, 8), [{ id: 0, mask: 0 }])
  })
})
