import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Channels } from '../../../agent/channels.ts'
import { FRAME_BRS, FRAME_FD, FrameBatch } from '../../../sensors/frame.ts'
import { frameText } from '../../../sensors/slcan/frame-text.ts'
import { SlcanParser } from '../../../sensors/slcan/parser.ts'
import { until } from '../../support/until.ts'
import { bench } from './bench.ts'

const REQUEST = Uint8Array.of(2, 1, 12, 0, 0, 0, 0, 0)

describe('sending over an slcan adapter', () => {
  it('is off unless listenOnly is: nothing is offered', async () => {
    await bench({}, {}, async ({ recorder, start }) => {
      start()
      await recorder.until(() => recorder.opens === 1)
      assert.equal(recorder.sender, undefined)
    })
  })

  it('sends only identifiers that the config names', async () => {
    await bench({}, { listenOnly: false }, async ({ adapter, recorder, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.sender !== undefined)
      const rules = { name: 'can0', send: [{ id: 0x7df }], reads: undefined }
      const bus = new Channels(() => rules).of(0)
      bus.offer((...frame) => recorder.sender?.(...frame))
      assert.throws(() => bus.send(0x123, false, REQUEST), { code: 'SEND_DENIED' })
      bus.send(0x7df, false, REQUEST)
      await adapter.heard('t7DF802010C0000000000')
      assert.equal(adapter.commands.filter((command) => command.startsWith('t')).length, 1)
      stop()
      await running
      assert.equal(recorder.sender, undefined)
    })
  })

  it('takes answers to frames for nothing else, and counts those that were refused', async () => {
    const habits = { toFrame: 'z\r' }
    const config = { listenOnly: false, statusEveryMs: 5 }
    await bench(habits, config, async ({ adapter, recorder, start }) => {
      start()
      await recorder.until(() => recorder.sender !== undefined)
      for (const answer of ['z\r', '\r', '\x07']) {
        habits.toFrame = answer
        const before = adapter.commands.length
        for (let i = 0; i < 20; i++) recorder.sender?.(0x7df, false, REQUEST, 0)
        const sent = () => adapter.commands.slice(before).filter((text) => text.startsWith('t'))
        await until('all frames at the adapter', () => sent().length === 20)
      }
      // The adapter is asked how it is all the while; no answer was lost or taken for another.
      await recorder.until(() => recorder.facts.refused === 20)
      assert.equal(recorder.facts.sent, 60)
      assert.deepEqual(recorder.drops, {})
    })
  })

  it('refuses what the adapter cannot send, and more than the line takes', async () => {
    await bench({}, { listenOnly: false }, async ({ recorder, start }) => {
      start()
      await recorder.until(() => recorder.sender !== undefined)
      const send = recorder.sender!
      assert.throws(() => send(0x800, false, REQUEST, 0), { code: 'DEVICE_PROTOCOL' })
      assert.throws(() => send(1, false, new Uint8Array(9), 0), { code: 'DEVICE_PROTOCOL' })
      assert.throws(() => send(1, false, new Uint8Array(12), FRAME_FD), {
        code: 'DEVICE_PROTOCOL',
        hint: /dataBitrate/,
      })
      assert.throws(
        () => {
          for (let i = 0; i < 1000; i++) send(1, false, REQUEST, 0)
        },
        { code: 'DEVICE_BUSY' },
      )
    })
  })

  it('sends CAN FD where the adapter is set up for it', async () => {
    const config = { listenOnly: false, dataBitrate: 2_000_000 }
    await bench({}, config, async ({ adapter, recorder, start }) => {
      start()
      await recorder.until(() => recorder.sender !== undefined)
      recorder.sender?.(0x18da00f1, true, new Uint8Array(12).fill(0xaa), FRAME_FD | FRAME_BRS)
      await adapter.heard(`B18DA00F19${'AA'.repeat(12)}`)
    })
  })

  it('writes frames as the parser reads them', () => {
    for (const [id, ext, length, flags] of [
      [0, false, 0, 0],
      [0x7ff, false, 8, 0],
      [0x1fffffff, true, 3, 0],
      [0x123, false, 64, FRAME_FD],
      [0x123, true, 20, FRAME_FD | FRAME_BRS],
    ] as const) {
      const data = Uint8Array.from({ length }, (_, i) => i * 5)
      const batch = new FrameBatch(1)
      let seen = 0
      const listener = {
        frames: () => {
          seen++
          assert.equal(batch.id[0], id)
          assert.equal((batch.flags[0] & 1) === 1, ext)
          assert.equal(batch.flags[0] & ~1, flags)
          assert.deepEqual(batch.data.slice(0, batch.length[0]), data)
        },
        answer: () => assert.fail('no answer'),
        refused: () => assert.fail('no answer'),
        timeUs: () => 0,
      }
      const parser = new SlcanParser(batch, 0, listener)
      parser.feed(Buffer.from(`${frameText(id, ext, data, flags)}\r`, 'latin1'))
      assert.equal(seen, 1)
    }
  })
})
