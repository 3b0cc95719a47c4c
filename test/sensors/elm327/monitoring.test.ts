import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ChannelFrame } from '../../../sensors/can/channel.ts'
import { FRAME_EXT } from '../../../sensors/frame.ts'
import { until } from '../../support/until.ts'
import { monitor, onAdapter, talk } from './bench.ts'

describe('ELM327 monitoring a bus over a serial line', () => {
  for (const [what, habits] of [
    ['an ELM327', {}],
    ['an OBDLink', { stn: 'STN1110 v4.2.0' }],
    ['a copy without half of the commands', { refuses: ['ATD1', 'ATS0', 'ATAL', 'ATAT', 'ATCSM'] }],
    ['one that keeps its echo', { alwaysEchoes: true }],
  ] as const) {
    it(`reads frames from ${what}`, async () => {
      await onAdapter(habits, monitor, async ({ recorder, clock, elm, vehicle, start }) => {
        const { running, stop } = start()
        await recorder.until(() => recorder.opens === 1)
        await talk(vehicle, recorder)
        recorder.seen.length = 0
        for (let i = 0; i < 200; i++) vehicle.send(0x200 + i, false, Uint8Array.of(i, 0xff))
        await recorder.until(() => recorder.seen.at(-1)?.id === 0x2c7)
        const frames = recorder.seen.filter(({ id }) => id >= 0x200)
        assert.equal(frames.length, 200)
        assert.deepEqual(frames[10], {
          timeUs: clock.wall,
          bus: 3,
          id: 0x20a,
          flags: 0,
          data: '0aff',
        })
        assert.deepEqual(recorder.drops, {})
        assert.equal(recorder.sender, undefined)
        stop()
        await running
        assert.equal(elm.monitoring, false)
      })
    })
  }

  it('finds the protocol by listening alone, and sends nothing for it', async () => {
    await onAdapter({ busProtocol: '9' }, {}, async ({ recorder, elm, vehicle, start }) => {
      const sent: ChannelFrame[] = []
      vehicle.onFrame([{ id: 0, mask: 0 }], (frame) => sent.push(frame))
      const talking = setInterval(() => vehicle.send(0x18fef100, true, Uint8Array.of(7)), 5)
      start()
      await recorder.until(() => recorder.seen.length > 0)
      clearInterval(talking)
      assert.equal(recorder.facts.protocol, 'can-29-250')
      assert.equal(recorder.seen[0].flags, FRAME_EXT)
      assert.equal(recorder.seen[0].id, 0x18fef100)
      assert.deepEqual(sent, [])
      assert.ok(elm.commands.indexOf('ATCSM1') < elm.commands.indexOf('ATMA'))
    })
  })

  it('filters in the adapter by what is wanted', async () => {
    for (const stn of ['STN1110 v4.2.0', undefined]) {
      await onAdapter({ stn }, monitor, async ({ recorder, vehicle, elm, start }) => {
        const wanted = [{ id: 0x7e8, mask: 0x7f8 }, { id: 0x100 }]
        Object.assign(recorder, { wanted: { current: () => wanted, onChange: () => () => {} } })
        start()
        await recorder.until(() => recorder.opens === 1)
        await talk(vehicle, recorder, 0x100)
        for (const id of [0x101, 0x7ea, 0x55, 0x100]) vehicle.send(id, false, Uint8Array.of(9))
        await recorder.until(
          () => recorder.seen.at(-1)?.data === '09' && recorder.seen.at(-1)?.id === 0x100,
        )
        const ids = new Set(recorder.seen.filter(({ data }) => data === '09').map(({ id }) => id))
        // One filter for both lets others through as well; it must not lose one.
        assert.ok(ids.has(0x7ea) && ids.has(0x100))
        if (stn) assert.deepEqual([...ids], [0x7ea, 0x100])
        assert.ok(elm.commands.includes(stn ? 'STFAP7E8,7F8' : 'ATCM100') || !stn)
      })
    }
  })

  it('stays with a silent bus as long as the adapter answers', async () => {
    const config = { ...monitor, probeEveryMs: 100 }
    await onAdapter({}, config, async ({ recorder, elm, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      await until(
        'the third turn of listening',
        () => elm.commands.filter((command) => command === 'ATMA').length >= 3,
      )
      stop()
      await running
      assert.deepEqual(recorder.drops, {})
    })
  })
})
