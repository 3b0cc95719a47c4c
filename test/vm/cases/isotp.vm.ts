// Our ISO-TP against the kernel's, both ways, on the same bus.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Channels } from '../../../agent/channels.ts'
import { systemClock } from '../../../agent/clock.ts'
import { socketcan } from '../../../sensors/can/socketcan.ts'
import type { IsoTpAddress } from '../../../sensors/isotp/address.ts'
import { IsoTpLink } from '../../../sensors/isotp/link.ts'
import type { IsoTpOptions } from '../../../sensors/isotp/options.ts'
import { Recorder } from '../../sensors/recorder.ts'
import { eventually, VCAN } from '../guest.ts'
import { KernelIsoTp, type KernelOptions } from '../kernel-isotp.ts'

const NORMAL: IsoTpAddress = { txId: 0x7e0, rxId: 0x7e8, ext: false }
const LONG: IsoTpAddress = { txId: 0x18da10f1, rxId: 0x18daf110, ext: true }
const EXTENDED: IsoTpAddress = { ...NORMAL, txByte: 0x33, rxByte: 0x44 }

/** A link on vcan0 through the sensor and the agent's channel, as OBD and UDS have it. */
async function openLink(t: TestContext, address: IsoTpAddress, options: IsoTpOptions = {}) {
  const recorder = new Recorder(systemClock)
  const send = [{ id: address.txId, ext: address.ext }]
  const channels = new Channels(() => ({ name: VCAN, send, reads: undefined }))
  const bus = channels.of(recorder.bus)
  Object.assign(recorder, {
    frames: channels.route.bind(channels),
    channel: bus,
    wanted: bus,
    offerSending: bus.offer.bind(bus),
  })
  const abort = new AbortController()
  const sensor = socketcan.create(socketcan.config.parse({ interface: VCAN }))
  const ended = sensor.run(recorder, abort.signal)
  const messages: Buffer[] = []
  const faults: string[] = []
  const link = new IsoTpLink(
    bus,
    address,
    systemClock,
    {
      message: (payload) => messages.push(Buffer.from(payload)),
      fault: (fault) => faults.push(fault),
    },
    options,
  )
  t.after(async () => {
    link.close()
    abort.abort()
    await ended
  })
  await Promise.race([recorder.until(() => recorder.opens > 0), ended])
  return { link, messages, faults }
}

const payloadOf = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) & 0xff))

/** One message each way, compared to the byte. */
async function bothWays(
  t: TestContext,
  address: IsoTpAddress,
  lengths: readonly number[],
  options: IsoTpOptions = {},
  kernelOptions: KernelOptions = {},
): Promise<void> {
  const { link, messages, faults } = await openLink(t, address, options)
  const kernel = new KernelIsoTp(VCAN, address, kernelOptions)
  t.after(() => kernel.close())
  for (const length of lengths) {
    const payload = payloadOf(length)
    assert.equal(await link.send(payload), 'sent', `${length} bytes to the kernel`)
    assert.deepEqual(await kernel.receive(), payload, `${length} bytes to the kernel`)
    messages.length = 0
    kernel.send(payload)
    await eventually(() => messages.length + faults.length > 0)
    assert.deepEqual(faults, [], `${length} bytes from the kernel`)
    assert.deepEqual(messages, [payload], `${length} bytes from the kernel`)
  }
}

test('normal addressing, every form of length', (t) =>
  bothWays(t, NORMAL, [1, 7, 8, 14, 300, 4095, 4096], { maxLength: 4096 }))

test('block size and separation time, whoever receives', (t) =>
  bothWays(
    t,
    NORMAL,
    [100, 200],
    { blockSize: 3, separationUs: 2000 },
    { blockSize: 4, separation: 0xf5 },
  ))

test('29-bit identifiers', (t) => bothWays(t, LONG, [5, 200]))

test('extended addressing', (t) => bothWays(t, EXTENDED, [5, 6, 7, 200]))

test('CAN FD frames of 64 and of 16 bytes', async (t) => {
  for (const frameBytes of [64, 16]) {
    await t.test(`${frameBytes}`, (t) =>
      bothWays(t, NORMAL, [7, 8, 14, 15, 62, 63, 1000], { fd: true, frameBytes }, { frameBytes }),
    )
  }
})
