import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Sensor, SensorKind } from '../../../sensors/sensor.ts'
import { openPty, type Pty } from '../../support/pty.ts'
import { HandClock, Recorder } from '../recorder.ts'

const folder = mkdtempSync(join(tmpdir(), 'milepost-serial-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let links = 0

/** A sensor on a real serial line, and the far end of it. */
export interface Bench {
  readonly pty: Pty
  /** The name that the port keeps over unplugging, as udev gives it. */
  readonly link: string
  readonly clock: HandClock
  readonly recorder: Recorder
  /** Runs the sensor; it ends when the bench does. */
  start(): { running: Promise<void>; stop(): void; signal: AbortSignal }
  /** Plugs a new device in under the same name, after `pty.close()`. */
  replug(): Pty
}

/** Puts a sensor of the kind on a line, and everything away afterwards. */
export async function onLine<Config>(
  kind: SensorKind<Config>,
  config: Record<string, unknown>,
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  const link = join(folder, `usb-port${links++}`)
  const ptys = [openPty(link)]
  const clock = new HandClock()
  const recorder = new Recorder(clock)
  const sensor: Sensor = kind.create(kind.config.parse({ port: link, ...config }))
  const stops: AbortController[] = []
  try {
    await work({
      pty: ptys[0],
      link,
      clock,
      recorder,
      start: () => {
        const stop = new AbortController()
        stops.push(stop)
        const running = sensor.run(recorder, stop.signal)
        running.catch((error: unknown) => recorder.ended(error))
        return { running, stop: () => stop.abort(), signal: stop.signal }
      },
      replug: () => {
        const pty = openPty(link)
        ptys.push(pty)
        return pty
      },
    })
  } finally {
    for (const stop of stops) stop.abort()
    for (const pty of ptys) await pty.close()
  }
}
