import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IdFilter } from '../../../sensors/can/channel.ts'
import { FRAME_BRS, FRAME_EXT, FRAME_FD, FRAME_RTR } from '../../../sensors/frame.ts'
import { candump, cansend, eventually, openCan } from '../guest.ts'

test('classic, extended, remote and FD frames of cansend, with the kernel times', async (t) => {
  const { recorder, until } = await openCan(t)
  const beforeUs = Date.now() * 1000
  cansend('123#DEADBEEF')
  cansend('00000123#01')
  cansend('18FEF100#0102030405060708')
  cansend('321#')
  cansend('321#R')
  cansend('7FF##1' + '5A'.repeat(64))
  cansend('1ABCDEF0##000112233445566778899AABB')
  await until(() => recorder.seen.length === 7)
  assert.deepEqual(
    recorder.seen.map(({ bus, id, flags, data }) => [bus, id, flags, data]),
    [
      [3, 0x123, 0, 'deadbeef'],
      [3, 0x123, FRAME_EXT, '01'],
      [3, 0x18fef100, FRAME_EXT, '0102030405060708'],
      [3, 0x321, 0, ''],
      [3, 0x321, FRAME_RTR, ''],
      [3, 0x7ff, FRAME_FD | FRAME_BRS, '5a'.repeat(64)],
      [3, 0x1abcdef0, FRAME_EXT | FRAME_FD, '00112233445566778899aabb'],
    ],
  )
  const times = recorder.seen.map((frame) => frame.timeUs)
  assert.deepEqual(times, [...times].sort((a, b) => a - b))
  assert.ok(times[0] >= beforeUs && times[6] <= Date.now() * 1000 + 1000, String(times))
  assert.ok(times.some((us) => us % 1000 !== 0), 'microseconds, not milliseconds')
  assert.deepEqual(recorder.drops, {})
})

test('what we send is what candump sees', async (t) => {
  const { recorder, until } = await openCan(t)
  const lines = await candump(t, '-L', 'vcan0')
  const send = recorder.sender!
  send(0x7df, false, Uint8Array.of(2, 1, 12), 0)
  send(0x18da10f1, true, Uint8Array.of(1), 0)
  send(0x100, false, new Uint8Array(12).fill(0xab), FRAME_FD | FRAME_BRS)
  await eventually(() => lines.length === 3)
  // Newer kernels mark FD frames by a flag of their own as well: ##5 is ##1 with it.
  assert.deepEqual(
    lines.map((line) => line.split(' ')[2].replace('##5', '##1')),
    ['7DF#02010C', '18DA10F1#01', `100##1${'AB'.repeat(12)}`],
  )
  // Our own frames do not come back to us.
  cansend('001#')
  await until(() => recorder.seen.length > 0)
  assert.deepEqual(
    recorder.seen.map((frame) => frame.id),
    [1],
  )
})

test('the kernel filters by what is wanted, and by more as soon as more is', async (t) => {
  let wanted: IdFilter[] = [{ id: 0x100 }, { id: 0x18fef100, mask: 0x00ffff00, ext: true }]
  let changed = (): void => {}
  const { recorder, until } = await openCan(t, {}, {
    current: () => wanted,
    onChange: (listener) => {
      changed = listener
      return () => {}
    },
  })
  for (const frame of ['100#01', '00000100#02', '101#03', '0CFEF133#04', '18FEF200#05', '100#R']) {
    cansend(frame)
  }
  wanted = [...wanted, { id: 0x7e8, mask: 0x7f8 }]
  changed()
  cansend('7EB#06')
  await until(() => recorder.seen.some((frame) => frame.id === 0x7eb))
  assert.deepEqual(
    recorder.seen.map((frame) => frame.data),
    ['01', '04', '06'],
  )
  assert.equal(recorder.facts.filters, 'kernel')
})

test('a list in the config filters; filters: none lets all in', async (t) => {
  const wanted = { current: () => [{ id: 1 }], onChange: () => () => {} }
  const listed = await openCan(t, { filters: [0x200, { id: 0x300, mask: 0x700 }] }, wanted)
  const all = await openCan(t, { filters: 'none' }, wanted)
  for (const frame of ['001#', '200#', '201#', '3FF#', '400#']) cansend(frame)
  await all.until(() => all.recorder.seen.length === 5)
  await listed.until(() => listed.recorder.seen.length === 2)
  assert.deepEqual(
    listed.recorder.seen.map((frame) => frame.id),
    [0x200, 0x3ff],
  )
  assert.equal(all.recorder.facts.filters, 'none')
})
