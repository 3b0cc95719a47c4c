import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { SlcanHabits } from '../../../sensors/simulator/peers/slcan.ts'
import { slcan } from '../../../sensors/slcan/slcan.ts'
import { HandClock, Recorder } from '../recorder.ts'
import { Adapter } from './adapter.ts'

export const folder = mkdtempSync(join(tmpdir(), 'milepost-slcan-'))
after(() => rmSync(folder, { recursive: true }))
let links = 0

/** An adapter on a real line, a sensor that reads it, and both put away afterwards. */
export async function bench(
  habits: SlcanHabits,
  config: Record<string, unknown>,
  work: (parts: {
    adapter: Adapter
    recorder: Recorder
    clock: HandClock
    link: string
    start(): { running: Promise<void>; stop(): void }
  }) => Promise<void>,
): Promise<void> {
  const link = join(folder, `tty${links++}`)
  const adapter = new Adapter(link, habits)
  const clock = new HandClock()
  const recorder = new Recorder(clock)
  const sensor = slcan.create(slcan.config.parse({ port: link, statusEveryMs: 0, ...config }))
  const stops: AbortController[] = []
  try {
    await work({
      adapter,
      recorder,
      clock,
      link,
      start: () => {
        const stop = new AbortController()
        stops.push(stop)
        const running = sensor.run(recorder, stop.signal)
        running.catch((error: unknown) => recorder.ended(error))
        return { running, stop: () => stop.abort() }
      },
    })
  } finally {
    for (const stop of stops) stop.abort()
    await adapter.pty.close()
  }
}
