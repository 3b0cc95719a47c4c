import { readdir, stat } from 'node:fs/promises'
import type { SerialPort } from 'serialport'
import { SensorError } from '../errors.ts'

/** How to open a serial port; what is left out is 8 data bits, no parity, 1 stop bit. */
export interface SerialOptions {
  readonly path: string
  readonly baudRate: number
  readonly dataBits?: 5 | 6 | 7 | 8
  readonly stopBits?: 1 | 1.5 | 2
  readonly parity?: 'none' | 'even' | 'odd' | 'mark' | 'space'
  readonly rtscts?: boolean
}

/** A serial port that is open. */
export interface SerialDevice {
  /** Resolves with a `DEVICE_LOST` error once the device is gone; stays pending otherwise. */
  readonly lost: Promise<SensorError>
  /** Resolves when the bytes are with the kernel. Rejects with `DEVICE_LOST`. */
  write(bytes: Uint8Array): Promise<void>
  /** Closes the port; also after a loss, and more than once. Never rejects. */
  close(): Promise<void>
}

/** How often we look whether the device node is still there. */
const PRESENCE_INTERVAL_MS = 500
/** How many names of `/dev/serial/by-id` a hint lists. */
const MAX_HINT_PORTS = 5

/**
 * Opens a serial port for one owner alone and passes on what arrives, as it arrives; each chunk may
 * be kept. Rejects with `DEVICE_MISSING`, `DEVICE_DENIED` or `DEVICE_LOST`, each with a hint.
 */
export async function openSerial(
  options: SerialOptions,
  received: (chunk: Uint8Array) => void,
): Promise<SerialDevice> {
  const device = await deviceNumber(options.path)
  // Loaded only here, so that a gateway without serial sensors does not need the native part.
  const { SerialPort } = await import('serialport')
  const port = new SerialPort({ dataBits: 8, ...options, autoOpen: false })
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error ? reject(refusal(options.path, error)) : resolve()))
  })
  return watched(port, options.path, device, received)
}

function watched(
  port: SerialPort,
  path: string,
  device: number,
  received: (chunk: Uint8Array) => void,
): SerialDevice {
  let tellLoss: (error: SensorError) => void = () => {}
  const lost = new Promise<SensorError>((resolve) => {
    tellLoss = resolve
  })
  const gone = (cause?: unknown): void => {
    clearInterval(presence)
    tellLoss(lossOf(path, cause))
  }
  port.on('data', received)
  port.on('error', gone)
  port.on('close', (error: Error | null) => {
    if (error) gone(error)
  })
  // A terminal that hung up reads as zero bytes for ever, and the library then reads again and
  // again without a word (bindings-cpp, unix-read). So the device node itself is watched too.
  const presence = setInterval(() => {
    stat(path).then(
      (now) => now.rdev !== device && gone(),
      (cause) => gone(cause),
    )
  }, PRESENCE_INTERVAL_MS)

  return {
    lost,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (!port.isOpen) reject(lossOf(path))
        else port.write(Buffer.from(bytes), (e) => (e ? reject(lossOf(path, e)) : resolve()))
      }),
    close: () => {
      clearInterval(presence)
      port.off('data', received)
      return new Promise((resolve) => {
        if (port.isOpen) port.close(() => resolve())
        else if (port.closing) port.once('close', () => resolve())
        else resolve()
      })
    },
  }
}

/** The device number behind the path; links such as those in `/dev/serial/by-id` are followed. */
async function deviceNumber(path: string): Promise<number> {
  try {
    const found = await stat(path)
    if (found.isCharacterDevice()) return found.rdev
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EACCES') throw refusal(path, cause as Error)
    throw await missing(path, 'There is no', cause)
  }
  throw await missing(path, 'No serial device is')
}

async function missing(path: string, what: string, cause?: unknown): Promise<SensorError> {
  const ports = await readdir('/dev/serial/by-id').catch(() => [] as string[])
  const shown = ports.slice(0, MAX_HINT_PORTS).map((name) => `/dev/serial/by-id/${name}`)
  const hint = shown.length
    ? `Plugged in now: ${shown.join(', ')}${ports.length > shown.length ? ', …' : ''}.`
    : 'Plug the adapter in and look with: ls -l /dev/serial/by-id (then dmesg | tail).'
  return new SensorError('DEVICE_MISSING', `${what} ${path}.`, { cause, hint })
}

/** What the kernel or the library said, as one of our codes. */
function refusal(path: string, cause: Error): SensorError {
  const text = cause.message
  if (/lock|busy/i.test(text)) {
    return new SensorError('DEVICE_DENIED', `${path} is in use by another program.`, {
      cause,
      hint: `See who has it with: fuser -v ${path} (often ModemManager, gpsd or a second agent).`,
    })
  }
  if (/permission|EACCES|EPERM/i.test(text)) {
    return new SensorError('DEVICE_DENIED', `No permission to open ${path}.`, {
      cause,
      hint: 'Add the user of the agent to the group: usermod -aG dialout milepost; then restart it.',
    })
  }
  // What is a device and knows nothing of bitrates, such as /dev/null.
  if (/inappropriate ioctl|ENOTTY/i.test(text)) {
    return new SensorError('DEVICE_MISSING', `No serial device is ${path}.`, {
      cause,
      hint: 'Look for it with: ls -l /dev/serial/by-id (then dmesg | tail).',
    })
  }
  if (/no such file|ENOENT|ENXIO|ENODEV/i.test(text)) {
    return new SensorError('DEVICE_MISSING', `There is no ${path}.`, {
      cause,
      hint: 'Plug the adapter in and look with: ls -l /dev/serial/by-id (then dmesg | tail).',
    })
  }
  return new SensorError('DEVICE_LOST', `Cannot open ${path}: ${text}`, {
    cause,
    hint: 'Unplug the adapter and plug it in again; see dmesg | tail for what the kernel says.',
  })
}

function lossOf(path: string, cause?: unknown): SensorError {
  return new SensorError('DEVICE_LOST', `${path} is gone.`, {
    cause,
    hint: 'Check plug and cable; it is opened again as soon as it is back.',
  })
}
