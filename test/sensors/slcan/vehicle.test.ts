import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FrameChannel } from '../../../sensors/can/channel.ts'
import { VirtualBus } from '../../../sensors/can/virtual-bus.ts'
import { FRAME_BRS, FRAME_EXT, FRAME_FD } from '../../../sensors/frame.ts'
import { SimulatedEcu } from '../../../sensors/simulator/ecu/ecu.ts'
import { VehicleData } from '../../../sensors/simulator/ecu/vehicle-data.ts'
import { SlcanAdapter } from '../../../sensors/simulator/peers/slcan.ts'
import type { Wire } from '../../../sensors/simulator/peers/wire.ts'
import { Vehicle } from '../../../sensors/simulator/vehicle.ts'
import { slcan } from '../../../sensors/slcan/slcan.ts'
import { HandClock } from '../recorder.ts'
import { type Bench, onLine } from '../serial/line.ts'

/** The simulator's adapter on a real line, with a vehicle's bus behind it. */
function onAdapter(
  config: Record<string, unknown>,
  work: (parts: Bench & { bus: VirtualBus; vehicle: FrameChannel }) => Promise<void>,
): Promise<void> {
  return onLine(slcan, { statusEveryMs: 0, ...config }, async (bench) => {
    const bus = new VirtualBus(bench.clock)
    new SlcanAdapter(bench.pty, bus.channel())
    await work({ ...bench, bus, vehicle: bus.channel() })
  })
}

test('what is on the bus while the channel is open comes through, classic and FD', async () => {
  await onAdapter({ dataBitrate: 2_000_000 }, async ({ bus, vehicle, recorder, start }) => {
    vehicle.send(0x111, false, Uint8Array.of(9))
    await bus.settled()
    const { running, stop } = start()
    await recorder.until(() => recorder.opens === 1)
    vehicle.send(0x123, false, Uint8Array.of(1, 2, 3))
    vehicle.send(0x18fef100, true, new Uint8Array(8).fill(0xa5))
    vehicle.send(0x456, false, new Uint8Array(20).fill(7), FRAME_FD | FRAME_BRS)
    await recorder.until(() => recorder.seen.length >= 3)
    assert.deepEqual(
      recorder.seen.map(({ id, flags, data }) => [id, flags, data.length / 2]),
      [
        [0x123, 0, 3],
        [0x18fef100, FRAME_EXT, 8],
        [0x456, FRAME_FD | FRAME_BRS, 20],
      ],
    )
    stop()
    await running
  })
})

test('a question of OBD goes out, and the ECU behind the adapter answers', async () => {
  await onAdapter({ listenOnly: false }, async ({ clock, bus, recorder, start }) => {
    const data = new VehicleData(
      new Vehicle({ seed: 1, faults: [], profile: 'mixed' }),
      'WMPSXM00000000042',
    )
    const address = { txId: 0x7e8, rxId: 0x7e0, ext: false }
    const ecu = new SimulatedEcu(bus.channel(), address, clock, data)
    const { running, stop } = start()
    await recorder.until(() => recorder.sender !== undefined)
    recorder.sender?.(0x7df, false, Uint8Array.of(2, 1, 12, 0, 0, 0, 0, 0), 0)
    await recorder.until(() => recorder.seen.length === 1)
    const [answer] = recorder.seen
    assert.equal(answer.id, 0x7e8)
    assert.match(answer.data, /^..410c/i)
    stop()
    await running
    ecu.close()
  })
})

test('frames go out only where the channel is open for it, and come in only while it is open', async () => {
  const said: string[] = []
  let tell: (chunk: Uint8Array) => void = () => {}
  const wire: Wire = {
    write: async (bytes) => void said.push(Buffer.from(bytes).toString('latin1')),
    onData: (listener) => {
      tell = listener
    },
  }
  const bus = new VirtualBus(new HandClock())
  const heard: number[] = []
  const vehicle = bus.channel()
  vehicle.onFrame([{ id: 0, mask: 0, ext: false }], ({ id }) => heard.push(id))
  new SlcanAdapter(wire, bus.channel())
  const command = async (text: string) => {
    said.length = 0
    tell(Buffer.from(`${text}\r`, 'latin1'))
    vehicle.send(0x100, false, Uint8Array.of(0xab))
    await bus.settled()
    return said.splice(0)
  }
  const frame = 't1001AB\r'
  assert.deepEqual(await command('t1230'), ['\x07'])
  assert.deepEqual(await command('L'), ['\r', frame])
  assert.deepEqual(await command('t1230'), ['\x07', frame])
  assert.deepEqual(await command('O'), ['\r', frame])
  assert.deepEqual(heard, [])
  assert.deepEqual(await command('t1230'), ['z\r', frame])
  assert.deepEqual(await command('t12381122'), ['\x07', frame], 'it says 8 bytes and has 2')
  assert.deepEqual(heard, [0x123])
  assert.deepEqual(await command('C'), ['\r'])
})
