import { FRAME_ERR } from '../../sensors/frame.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import type { Sensor } from '../../sensors/sensor.ts'
import { stopUnder, timeOut } from '../../sensors/wait.ts'
import { systemClock } from '../clock.ts'

/** What came of listening with a sensor for a while. */
export interface Heard {
  /** The device was opened and set up: something of its kind is there. */
  opened: boolean
  frames: number
  /** Frames by which a controller tells of errors: a wrong bitrate shows so. */
  errorFrames: number
  /** Distinct identifiers. */
  readonly ids: Set<number>
  readings: number
  /** What arrived and was no frame and no line of this kind. */
  rubbish: number
  error?: Error
}

/** More identifiers than any bus has; a source that makes them up fills no memory. */
const MAX_IDS = 4096
const NOTHING = (): void => {}

/**
 * Runs a sensor for `ms`, or until `enough` of it was heard, and closes it again. It only reads: a
 * sensor that wants to send is told that nothing may be sent.
 */
export async function listen(
  sensor: Sensor,
  ms: number,
  signal: AbortSignal,
  enough: (heard: Heard) => boolean = () => false,
): Promise<Heard> {
  const heard: Heard = {
    opened: false,
    frames: 0,
    errorFrames: 0,
    ids: new Set(),
    readings: 0,
    rubbish: 0,
  }
  const end = stopUnder(signal)
  const forget = timeOut(ms, () => end.abort())
  const look = (): void => {
    if (enough(heard)) end.abort()
  }
  try {
    await sensor.run(
      {
        id: 'setup',
        bus: 0,
        catalog: new SignalCatalog(),
        clock: systemClock,
        opened: () => {
          heard.opened = true
          look()
        },
        frames: (batch) => {
          for (let i = 0; i < batch.count; i++) {
            if (batch.flags[i] & FRAME_ERR) heard.errorFrames++
            else {
              heard.frames++
              if (heard.ids.size < MAX_IDS) heard.ids.add(batch.id[i])
            }
          }
          look()
        },
        readings: (batch) => {
          heard.readings += batch.count
          look()
        },
        event: NOTHING,
        timeSeen: NOTHING,
        dropped: (_cause, count) => {
          heard.rubbish += count
        },
        device: NOTHING,
        channel: {
          bus: 'setup',
          send: () => {
            throw new Error('setup sends nothing')
          },
          onFrame: () => NOTHING,
        },
        wanted: { current: () => undefined, onChange: () => NOTHING },
        offerSending: () => NOTHING,
      },
      end.signal,
    )
  } catch (error) {
    heard.error = error as Error
  } finally {
    forget()
    end.abort()
  }
  signal.throwIfAborted()
  return heard
}
