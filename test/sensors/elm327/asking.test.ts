import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ChannelFrame } from '../../../sensors/can/channel.ts'
import { elm327 } from '../../../sensors/elm327/elm327.ts'
import { until } from '../../support/until.ts'
import { monitor, onAdapter, talk } from './bench.ts'

describe('ELM327 asking on a bus', () => {
  const asking = { ...monitor, listenOnly: false, answerTimeoutMs: 150 }

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
      let nexts = 0
      vehicle.onFrame([{ id: 0x7e0 }], () => nexts++)
      recorder.sender?.(0x7e0, false, Uint8Array.of(1, 0x3e, 0, 0, 0, 0, 0, 0), 0)
      await until('the next request', () => nexts > 0)
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
