import { stopUnder } from '../wait.ts'
import { openSerial, type SerialDevice, type SerialOptions } from './port.ts'

/** What a sensor does with a port that is open. */
export interface PortUse {
  /** Each chunk as it arrives. */
  received(chunk: Uint8Array): void
  /** Goes on until `stop` aborts: the sensor is to stop, or the device is lost. */
  work(device: SerialDevice, stop: AbortSignal): Promise<void>
  /**
   * Last words to a device that is still there, before the port is closed: to be kept short, for the
   * whole agent waits for it. `work` is what `work` returned. Must not reject.
   */
  farewell?(device: SerialDevice, work: Promise<void>): Promise<void>
}

/**
 * Opens a port, uses it and closes it, whatever comes. Resolves once `signal` aborts or the work is
 * done.
 * @throws SensorError as `openSerial` and as the work; DEVICE_LOST when the device goes
 */
export async function usePort(
  options: SerialOptions,
  signal: AbortSignal,
  use: PortUse,
): Promise<void> {
  if (signal.aborted) return
  const device = await openSerial(options, (chunk) => use.received(chunk))
  const stop = stopUnder(signal)
  const lost = device.lost.then((error) => {
    throw error
  })
  let work: Promise<void> = Promise.resolve()
  try {
    if (signal.aborted) return
    work = use.work(device, stop.signal)
    work.catch(() => {})
    await Promise.race([lost, abortOf(stop.signal), work])
  } finally {
    await Promise.race([lost.catch(() => {}), use.farewell?.(device, work)])
    stop.abort()
    await device.close()
  }
}

/** Resolves when the signal aborts. */
function abortOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
