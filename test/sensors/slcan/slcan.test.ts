import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { SensorError } from '../../../sensors/errors.ts'
import { FRAME_BRS, FRAME_EXT, FRAME_FD, FRAME_RTR } from '../../../sensors/frame.ts'
import { slcan } from '../../../sensors/slcan/slcan.ts'
import { Adapter } from './adapter.ts'
import { bench, folder } from './bench.ts'

describe('slcan over a serial line', () => {
  it('opens the channel, reads every kind of frame, and closes it', async () => {
    await bench({}, { bitrate: 250_000 }, async ({ adapter, recorder, clock, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      await adapter.heard('L')
      assert.deepEqual(adapter.commands, ['', '', '', 'C', 'V', 'S5', 'L'])
      assert.equal(recorder.sender, undefined)
      await adapter.say('t1232AABB\rT18FEF10080102030405060708\rr7FF4\rR1FFFFFFF0\r')
      await adapter.say(`d0019${'11'.repeat(12)}\rB00000002F${'22'.repeat(64)}\r`)
      await recorder.until(() => recorder.seen.length === 6)
      const at = { timeUs: clock.wall, bus: 3 }
      assert.deepEqual(recorder.seen, [
        { ...at, id: 0x123, flags: 0, data: 'aabb' },
        { ...at, id: 0x18fef100, flags: FRAME_EXT, data: '0102030405060708' },
        { ...at, id: 0x7ff, flags: FRAME_RTR, data: '00000000' },
        { ...at, id: 0x1fffffff, flags: FRAME_RTR | FRAME_EXT, data: '' },
        { ...at, id: 1, flags: FRAME_FD, data: '11'.repeat(12) },
        { ...at, id: 2, flags: FRAME_FD | FRAME_BRS | FRAME_EXT, data: '22'.repeat(64) },
      ])
      assert.deepEqual(recorder.drops, {})
      stop()
      await running
      assert.deepEqual(serialPortsOpen(1), [])
    })
  })

  it('puts frames together from single bytes, and counts rubbish between them', async () => {
    await bench({}, {}, async ({ adapter, recorder, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      for (const letter of 't1001AA\r') await adapter.say(letter)
      await adapter.say('t100\rt1009AA\rt1001A\rt8001AA\r\x00\xff\xfe\rt10\x07')
      await adapter.say('q\r')
      await adapter.say(`${'x'.repeat(400)}\r`)
      await adapter.say('t2001BB\r')
      await recorder.until(() => recorder.seen.length === 2)
      assert.deepEqual(
        recorder.seen.map((frame) => [frame.id, frame.data]),
        [
          [0x100, 'aa'],
          [0x200, 'bb'],
        ],
      )
      // Four lines that are no frame, one with bytes of no text, half a line and its BEL, twice the
      // longest line of x; `q` is an answer to nothing we asked.
      assert.deepEqual(recorder.drops, { parse_error: 4 + 1 + 2 + 2 + 1 })
      stop()
      await running
    })
  })

  it('takes frames in bulk without losing one', async () => {
    await bench({}, {}, async ({ adapter, recorder, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      const lines = Array.from(
        { length: 5000 },
        (_, i) => `t1238${i.toString(16).padStart(16, '0')}\r`,
      )
      void adapter.say(lines.join(''))
      await recorder.until(() => recorder.seen.length === 5000)
      assert.deepEqual(
        recorder.seen.map((frame) => Number.parseInt(frame.data, 16)),
        lines.map((_, i) => i),
      )
      assert.deepEqual(recorder.drops, {})
      stop()
      await running
    })
  })

  it('asks for the adapter time only when told to, and puts it on the wall clock', async () => {
    await bench({}, { timestamps: 'adapter', listenOnly: false }, async (parts) => {
      const { adapter, recorder, clock, start } = parts
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      await adapter.heard('O')
      assert.deepEqual(adapter.commands.slice(-2), ['Z1', 'O'])
      const startUs = clock.wall
      await adapter.say(`t1000${hex4(59_990)}\r`)
      await recorder.until(() => recorder.seen.length === 1)
      clock.advance(25_000)
      // The minute wraps between these two, and the second came late.
      await adapter.say(`t1000${hex4(5)}\r`)
      await recorder.until(() => recorder.seen.length === 2)
      assert.deepEqual(
        recorder.seen.map((frame) => frame.timeUs - startUs),
        [0, 15_000],
      )
      stop()
      await running
    })
  })

  it('is lost when the plug is pulled, and runs again when it is back', async () => {
    await bench({}, {}, async ({ adapter, recorder, link, start }) => {
      const first = start()
      await recorder.until(() => recorder.opens === 1)
      await adapter.say('t1001AA\r')
      await recorder.until(() => recorder.seen.length === 1)
      const lost = assert.rejects(first.running, { code: 'DEVICE_LOST' })
      await adapter.pty.close()
      await lost
      await assert.rejects(start().running, { code: 'DEVICE_MISSING' })

      const again = new Adapter(link)
      const second = start()
      await recorder.until(() => recorder.opens === 2)
      await again.say('t2001BB\r')
      await recorder.until(() => recorder.seen.length === 2)
      second.stop()
      await second.running
      await again.pty.close()
    })
  })

  it('notices an adapter that hangs without closing its port', async () => {
    await bench({}, { statusEveryMs: 5 }, async ({ adapter, recorder, start }) => {
      const { running } = start()
      await recorder.until(() => recorder.opens === 1)
      await adapter.heard('F')
      adapter.hung = true
      await assert.rejects(running, { code: 'DEVICE_LOST' })
    })
  })

  it('counts what the adapter itself lost', async () => {
    await bench({ status: 'F08' }, { statusEveryMs: 5 }, async ({ recorder, start }) => {
      const { running, stop } = start()
      await recorder.until(() => (recorder.drops.queue_full ?? 0) >= 2)
      stop()
      await running
    })
  })

  it('goes on with an adapter that does not know F', async () => {
    await bench({ refuses: 'F' }, { statusEveryMs: 5 }, async ({ adapter, recorder, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      await adapter.say('t1001AA\r')
      await recorder.until(() => recorder.seen.length === 1)
      stop()
      await running
      assert.deepEqual(recorder.drops, {})
    })
  })

  for (const [what, habits, config] of [
    ['refuses the bitrate', { refuses: 'S' }, {}],
    ['refuses to listen only', { refuses: 'L' }, {}],
    ['says nothing at all', { mute: true }, {}],
  ] as const) {
    it(`says DEVICE_PROTOCOL when the adapter ${what}`, async () => {
      await bench(habits, config, async ({ recorder, start }) => {
        await assert.rejects(start().running, (error: SensorError) => {
          assert.equal(error.code, 'DEVICE_PROTOCOL')
          assert.ok(error.hint)
          return true
        })
        assert.equal(recorder.opens, 0)
        assert.deepEqual(serialPortsOpen(1), [])
      })
    })
  }

  it('says what to do when there is no device, or another program has it', async () => {
    await bench({}, {}, async ({ recorder, link, start }) => {
      const missing = slcan.create(slcan.config.parse({ port: join(folder, 'none') }))
      await assert.rejects(missing.run(recorder, new AbortController().signal), (error) => {
        assert.equal((error as SensorError).code, 'DEVICE_MISSING')
        assert.match((error as SensorError).hint ?? '', /serial\/by-id/)
        return true
      })
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      const second = slcan.create(slcan.config.parse({ port: link }))
      await assert.rejects(second.run(recorder, new AbortController().signal), {
        code: 'DEVICE_DENIED',
      })
      stop()
      await running
    })
  })

  it('says that the bitrate is wrong when the bus has errors and no frame', async () => {
    await bench({ status: 'FA0' }, { statusEveryMs: 5 }, async ({ recorder, link, start }) => {
      await assert.rejects(start().running, (error: SensorError) => {
        assert.equal(error.code, 'DEVICE_PROTOCOL')
        assert.match(error.message, new RegExp(`${link} has only errors .* 500000 bit/s`))
        assert.match(error.hint ?? '', /Set bitrate/)
        return true
      })
      assert.equal(recorder.facts.busState, 'error-passive')
    })
  })

  it('takes a late answer to the reset for no answer to a setting', async () => {
    await bench({ lateReset: true }, {}, async ({ adapter, recorder, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      await adapter.heard('L')
      assert.deepEqual(adapter.commands.slice(-2), ['S6', 'L'])
      stop()
      await running
    })
  })

  it('closes the port when it is stopped while opening', async () => {
    await bench({ mute: true }, {}, async ({ adapter, recorder, start }) => {
      const { running, stop } = start()
      await adapter.heard('C')
      stop()
      await running
      assert.equal(recorder.opens, 0)
      assert.deepEqual(serialPortsOpen(1), [])
    })
  })

  it('refuses bitrates that the protocol does not have', () => {
    assert.equal(slcan.config.safeParse({ port: '/dev/x', bitrate: 123 }).success, false)
    assert.equal(slcan.config.safeParse({ bitrate: 500_000 }).success, false)
  })
})

function hex4(ms: number): string {
  return ms.toString(16).toUpperCase().padStart(4, '0')
}

/** Terminals that this process has open, beyond the `ours` that the pty pair itself holds. */
function serialPortsOpen(ours: number): string[] {
  const open = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })
  return open.filter((path) => path.startsWith('/dev/pts/')).slice(ours)
}
