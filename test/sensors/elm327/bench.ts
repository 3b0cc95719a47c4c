import type { FrameChannel } from '../../../sensors/can/channel.ts'
import { VirtualBus } from '../../../sensors/can/virtual-bus.ts'
import { elm327 } from '../../../sensors/elm327/elm327.ts'
import { Elm327, type ElmHabits } from '../../../sensors/simulator/peers/elm327.ts'
import type { Recorder } from '../recorder.ts'
import { type Bench, onLine } from '../serial/line.ts'

/** An emulated adapter on a real line, with a vehicle's bus behind it. */
export async function onAdapter(
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
export async function talk(vehicle: FrameChannel, recorder: Recorder, id = 0x123, ext = false) {
  const talking = setInterval(() => vehicle.send(id, ext, Uint8Array.of(1, 2, 3)), 5)
  try {
    await recorder.until(() => recorder.seen.length > 0)
  } finally {
    clearInterval(talking)
  }
}

/** A protocol that need not be looked for. */
export const monitor = { protocol: 'can-11-500' }
