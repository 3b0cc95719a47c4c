import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { ChannelFrame, FrameChannel } from '../../../sensors/can/channel.ts'
import { VirtualBus } from '../../../sensors/can/virtual-bus.ts'
import { acceptanceFor } from '../../../sensors/elm327/acceptance.ts'
import { elm327 } from '../../../sensors/elm327/elm327.ts'
import { parseFrameLine } from '../../../sensors/elm327/frame-line.ts'
import type { SensorError } from '../../../sensors/errors.ts'
import { FRAME_EXT } from '../../../sensors/frame.ts'
import { Elm327, type ElmHabits } from '../../../sensors/simulator/peers/elm327.ts'
import type { Recorder } from '../recorder.ts'
import { type Bench, onLine } from '../serial/line.ts'

/** An emulated adapter on a real line, with a vehicle's bus behind it. */
async function onAdapter(
  habits: ElmHabits,
  config: Record<string, unknown>,
  work: (
    parts: Bench & { elm: Elm327; vehicle: FrameChannel; plug(habits?: ElmHabits): Elm327 },
  ) => Promise<void>,
): Promise<void> {
  await onLine(elm327, { searchMs: 200, ...config }, async (bench) => {
    const bus = new VirtualBus(bench.clock)
    const elm = new Elm327(bench.pty, bus.channel(), habits)
    const plug = (again = habits) => new Elm327(bench.replug(), bus.channel(), again)
    await work({ ...bench, elm, vehicle: bus.channel(), plug })
  })
}

/** Sends on the vehicle's bus until something of it has come through. */
async function talk(vehicle: FrameChannel, recorder: Recorder, id = 0x123, ext = false) {
  const talking = setInterval(() => vehicle.send(id, ext, Uint8Array.of(1, 2, 3)), 5)
  try {
    await recorder.until(() => recorder.seen.length > 0)
  } finally {
    clearInterval(talking)
  }
}

const monitor = { protocol: 'can-11-500' }

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

  it('says that no bus was found, and what to do', async () => {
    await onAdapter({}, { searchMs: 100 }, async ({ recorder, start }) => {
      await assert.rejects(start().running, (error: SensorError) => {
        assert.equal(error.code, 'DEVICE_PROTOCOL')
        assert.match(error.hint ?? '', /ignition.*search: ask/)
        return true
      })
      assert.equal(recorder.opens, 0)
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

  it('counts a full buffer and goes on', async () => {
    await onAdapter({}, monitor, async ({ recorder, elm, vehicle, start }) => {
      start()
      await talk(vehicle, recorder)
      elm.fail('BUFFER FULL')
      await recorder.until(() => recorder.drops.queue_full === 1)
      recorder.seen.length = 0
      await talk(vehicle, recorder)
      assert.equal(recorder.facts.bufferFull, 1)
    })
  })

  it('gives up on a bus that has errors alone', async () => {
    await onAdapter({ busProtocol: '8' }, monitor, async ({ start }) => {
      await assert.rejects(start().running, (error: SensorError) => {
        assert.equal(error.code, 'DEVICE_PROTOCOL')
        assert.match(error.hint ?? '', /bitrate.*protocol: auto/)
        return true
      })
    })
  })

  it('counts rubbish between frames, and takes none of it for a frame', async () => {
    await onAdapter({}, monitor, async ({ recorder, elm, vehicle, start }) => {
      start()
      await talk(vehicle, recorder)
      recorder.seen.length = 0
      // Digits lost from a frame, an error in one, no text at all, a line without end.
      elm.say('12330102\r1233010203 <RX ERROR\r\xff\xfe\r7E8\r')
      elm.say(`${'A'.repeat(1000)}\r`)
      elm.say('1233040506\r')
      await recorder.until(() => recorder.seen.some(({ data }) => data === '040506'))
      assert.deepEqual(
        recorder.seen.filter(({ data }) => data !== '010203').map(({ data }) => data),
        ['040506'],
      )
      assert.deepEqual(recorder.drops, { parse_error: 5 })
    })
  })

  it('sets up an adapter that an earlier owner left in the middle of a word, or listening', async () => {
    for (const left of ['01 0', 'ATMA\r']) {
      await onAdapter({}, monitor, async ({ recorder, elm, vehicle, link, start }) => {
        writeFileSync(link, left)
        elm.say('\x80\xff7E8\r>\r41 0')
        start()
        await talk(vehicle, recorder)
        assert.equal(recorder.seen[0].data, '010203')
        assert.equal(recorder.opens, 1)
        const requests = elm.commands.filter((command) => /^[0-9A-F]+$/.test(command))
        assert.deepEqual(requests, [])
      })
    }
  })

  it('notices an adapter that hangs, and one that resets itself', async () => {
    const config = { ...monitor, probeEveryMs: 100 }
    await onAdapter({}, config, async ({ recorder, elm, vehicle, start }) => {
      const { running } = start()
      await talk(vehicle, recorder)
      elm.hung = true
      await assert.rejects(running, { code: 'DEVICE_LOST' })
    })
    await onAdapter({}, config, async ({ recorder, elm, vehicle, start }) => {
      const { running } = start()
      await talk(vehicle, recorder)
      elm.fail('\rELM327 v1.5')
      await assert.rejects(running, { code: 'DEVICE_LOST' })
    })
  })

  it('stays with a silent bus as long as the adapter answers', async () => {
    const config = { ...monitor, probeEveryMs: 100 }
    await onAdapter({}, config, async ({ recorder, elm, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      while (elm.commands.filter((command) => command === 'ATMA').length < 3) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      stop()
      await running
      assert.deepEqual(recorder.drops, {})
    })
  })

  it('is lost when the plug is pulled, and reads on when it is back', async () => {
    await onAdapter({}, monitor, async ({ recorder, pty, vehicle, start, plug }) => {
      const { running } = start()
      await talk(vehicle, recorder)
      await pty.close()
      await assert.rejects(running, { code: 'DEVICE_LOST' })
      await assert.rejects(start().running, { code: 'DEVICE_MISSING' })
      plug()
      start()
      await recorder.until(() => recorder.opens === 2)
      recorder.seen.length = 0
      await talk(vehicle, recorder)
    })
  })

  it('says DEVICE_PROTOCOL where nothing speaks ELM327 or a command is missing', async () => {
    for (const habits of [{ mute: true }, { name: 'GARMIN' }, { refuses: ['ATCAF0'] }]) {
      await onAdapter(habits, monitor, async ({ link, start }) => {
        await assert.rejects(start().running, (error: SensorError) => {
          assert.equal(error.code, 'DEVICE_PROTOCOL')
          assert.ok(error.message.includes(link))
          assert.ok(error.hint)
          return true
        })
      })
    }
  })

  it('ends soon when it is stopped while setting up', async () => {
    await onAdapter({ mute: true }, monitor, async ({ pty, start, recorder }) => {
      const { running, stop } = start()
      await new Promise<void>((resolve) => pty.onData(() => resolve()))
      stop()
      await running
      assert.equal(recorder.opens, 0)
    })
  })
})

describe('ELM327 asking on a bus', () => {
  const asking = { ...monitor, listenOnly: false, answerTimeoutMs: 40 }

  it('sends what the channel gives it, returns the answers, and listens on', async () => {
    await onAdapter({}, asking, async ({ recorder, vehicle, start }) => {
      const asked: ChannelFrame[] = []
      vehicle.onFrame([{ id: 0x7df }, { id: 0x7e0 }], (frame) => {
        asked.push(frame)
        vehicle.send(0x7e8, false, Uint8Array.of(4, 0x41, 0x0c, 0x1a, 0xf8, 0, 0, 0))
      })
      start()
      await recorder.until(() => recorder.sender !== undefined)
      recorder.sender?.(0x7df, false, Uint8Array.of(2, 1, 0x0c, 0, 0, 0, 0, 0), 0)
      recorder.sender?.(0x7e0, false, Uint8Array.of(2, 1, 0x0c, 0, 0, 0, 0, 0), 0)
      await recorder.until(() => recorder.seen.filter(({ id }) => id === 0x7e8).length === 2)
      assert.deepEqual(
        asked.map(({ id, data }) => [id, Buffer.from(data).toString('hex')]),
        [
          [0x7df, '02010c0000000000'],
          [0x7e0, '02010c0000000000'],
        ],
      )
      assert.equal(recorder.seen.find(({ id }) => id === 0x7e8)?.data, '04410c1af8000000')
      recorder.seen.length = 0
      await talk(vehicle, recorder, 0x321)
      assert.equal(recorder.seen[0].id, 0x321)
    })
  })

  it('leaves flow control to the adapter, once', async () => {
    await onAdapter({}, { ...asking, monitor: false }, async ({ recorder, vehicle, start }) => {
      const controls: ChannelFrame[] = []
      vehicle.onFrame([{ id: 0x7e0 }], (frame) => {
        const { data } = frame
        if (data[0] === 2) vehicle.send(0x7e8, false, Uint8Array.of(0x10, 10, 1, 2, 3, 4, 5, 6))
        if (data[0] >> 4 !== 3) return
        controls.push(frame)
        vehicle.send(0x7e8, false, Uint8Array.of(0x21, 7, 8, 9, 10, 0, 0, 0))
      })
      start()
      await recorder.until(() => recorder.sender !== undefined)
      recorder.sender?.(0x7e0, false, Uint8Array.of(2, 9, 2, 0, 0, 0, 0, 0), 0)
      await recorder.until(() => recorder.seen.length >= 1)
      recorder.sender?.(0x7e0, false, Uint8Array.of(0x30, 0, 0, 0, 0, 0, 0, 0), 0)
      await recorder.until(() => recorder.seen.length === 2)
      recorder.sender?.(0x7e0, false, Uint8Array.of(1, 0x3e, 0, 0, 0, 0, 0, 0), 0)
      await new Promise<void>((resolve) => vehicle.onFrame([{ id: 0x7e0 }], () => resolve()))
      assert.equal(controls.length, 1)
    })
  })

  it('asks the vehicle for the protocol where it may, and goes on after NO DATA', async () => {
    const config = { ...asking, protocol: 'auto', search: 'ask' }
    await onAdapter({ busProtocol: '7' }, config, async ({ recorder, vehicle, start }) => {
      vehicle.onFrame([{ id: 0x18db33f1 }], ({ data }) => {
        if (data[1] !== 1) return
        vehicle.send(0x18daf110, true, Uint8Array.of(6, 0x41, data[2], 0xbe, 0x3f, 0xa8, 0x13, 0))
      })
      start()
      await recorder.until(() => recorder.sender !== undefined)
      assert.equal(recorder.facts.protocol, 'can-29-500')
      recorder.sender?.(0x18db33f1, true, Uint8Array.of(2, 9, 2), 0)
      recorder.sender?.(0x18db33f1, true, Uint8Array.of(2, 1, 0), 0)
      await recorder.until(() => recorder.seen.some(({ id }) => id === 0x18daf110))
    })
  })

  it('refuses what the protocol cannot carry, and more than it can keep', async () => {
    await onAdapter({}, { ...asking, monitor: false }, async ({ recorder, start }) => {
      start()
      await recorder.until(() => recorder.sender !== undefined)
      const { sender } = recorder
      assert.throws(() => sender?.(0x18db33f1, true, new Uint8Array(8), 0), {
        code: 'DEVICE_PROTOCOL',
      })
      assert.throws(() => sender?.(0x7df, false, new Uint8Array(12), 2), {
        code: 'DEVICE_PROTOCOL',
      })
      assert.throws(
        () => {
          for (let i = 0; i < 100; i++) sender?.(0x7df, false, new Uint8Array(8), 0)
        },
        { code: 'DEVICE_BUSY' },
      )
    })
  })

  it('refuses configs that contradict themselves', () => {
    const fits = (config: object) => elm327.config.safeParse({ port: '/dev/x', ...config }).success
    assert.equal(fits({ search: 'ask' }), false)
    assert.equal(fits({ monitor: false }), false)
    assert.equal(fits({ search: 'ask', listenOnly: false, monitor: false }), true)
  })
})

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
