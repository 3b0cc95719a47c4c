import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IdFilter, matches, matchesAny } from '../../../sensors/can/channel.ts'
import { kernelFilters } from '../../../sensors/can/filters.ts'
import { wantedOf } from '../../../sensors/can/wanted.ts'
import { DatabaseSet } from '../../../sensors/dbc/database-set.ts'
import { parseDbc } from '../../../sensors/dbc/parse.ts'

/** What the kernel does (net/can/af_can.c): `(id & mask) == (filter & mask)`, flags as bits of the id. */
function kernelLets(bytes: Uint8Array, canId: number): boolean {
  const words = new Uint32Array(bytes.slice().buffer)
  for (let i = 0; i < words.length; i += 2) {
    if ((canId & words[i + 1]) >>> 0 === (words[i] & words[i + 1]) >>> 0) return true
  }
  return false
}

test('the kernel is asked for the same as we would match', () => {
  const filters: IdFilter[] = [
    { id: 0x123 },
    { id: 0x7e8, mask: 0x7f8 },
    { id: 0x55, ext: true },
    { id: 0x18fef100, mask: 0x03ffff00 },
  ]
  const asked = kernelFilters(filters)!
  const ids = [0, 0x55, 0x122, 0x123, 0x7e7, 0x7e8, 0x7ef, 0x7f0]
  const extended = [...ids, 0x18fef100, 0x0cfef1aa, 0x18fef200, 0x1fffffff]
  for (const id of ids) assert.equal(kernelLets(asked, id), matchesAny(filters, id, false), `${id}`)
  for (const id of extended) {
    assert.equal(
      kernelLets(asked, (id | 0x8000_0000) >>> 0),
      matchesAny(filters, id, true),
      `${id}`,
    )
  }
  assert.equal(kernelLets(asked, 0x4000_0123), false, 'a remote frame')
})

test('alike filters are one; more than the kernel takes are none', () => {
  const many = (count: number) => Array.from({ length: count }, (_, id) => ({ id }))
  assert.equal(kernelFilters([...many(512), ...many(512)])?.length, 512 * 8)
  assert.equal(kernelFilters(many(513)), undefined)
  assert.equal(kernelFilters([])?.length, 0)
})

test('a filter without a mask means its identifier alone, in the form that it needs', () => {
  assert.ok(matches({ id: 0x7ff }, 0x7ff, false))
  assert.ok(!matches({ id: 0x7ff }, 0x7ff, true))
  assert.ok(matches({ id: 0x800 }, 0x800, true))
  assert.ok(!matches({ id: 0x800, ext: true }, 0x801, true))
})

test('what a DBC file describes is wanted: identifiers, and parameter groups of J1939', () => {
  const dbc = parseDbc(
    `VERSION ""
BO_ 291 Plain: 8 X
 SG_ A : 0|8@1+ (1,0) [0|0] "" X
BO_ 292 Empty: 8 X
BO_ 2566844926 Broadcast: 8 X
 SG_ B : 0|8@1+ (1,0) [0|0] "" X
BO_ 2565865982 ToOne: 8 X
 SG_ C : 0|8@1+ (1,0) [0|0] "" X
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_ "VFrameFormat" BO_ 2566844926 3;
BA_ "VFrameFormat" BO_ 2565865982 3;
`,
    'test.dbc',
  )
  const set = new DatabaseSet([dbc])
  const filters = wantedOf(set)
  assert.equal(filters.length, 3)
  // 0x18FEF1FE, 0x18F000FE and, to one destination, 0x18EF...
  for (const message of set.messages) {
    const wanted = message.signals.length > 0
    assert.equal(matchesAny(filters, message.id, message.ext), wanted, message.name)
    if (!message.ext) continue
    // Another source and priority: the decoder and the filters agree.
    const other = ((message.id & 0x03ff_ff00) | 0x0c00_0000 | 0x21) >>> 0
    assert.equal(set.find(other, true)?.name, message.name)
    assert.ok(matchesAny(filters, other, true))
    assert.ok(!matchesAny(filters, (other ^ 0x0100_0000) >>> 0, true))
  }
})
