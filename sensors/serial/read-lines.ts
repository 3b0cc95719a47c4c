import { z } from 'zod'
import { SensorError } from '../errors.ts'
import type { SensorContext } from '../sensor.ts'
import { LineSplitter } from './line-splitter.ts'
import { usePort } from './use-port.ts'

/** What every sensor that reads lines from a serial port has in its config. */
export const serialKeys = {
  /** Device node; `/dev/serial/by-id/…` stays the same over unplugging. */
  port: z.string().min(1),
  dataBits: z.literal([5, 6, 7, 8]).default(8),
  stopBits: z.literal([1, 1.5, 2]).default(1),
  parity: z.enum(['none', 'even', 'odd', 'mark', 'space']).default('none'),
  rtscts: z.boolean().default(false),
}

/** Bits per second of a serial line. */
export const baudRate = z.number().int().min(300).max(4_000_000)

/** A port and how its lines are told apart. */
export interface LineSource {
  readonly port: string
  readonly baudRate: number
  readonly dataBits: 5 | 6 | 7 | 8
  readonly stopBits: 1 | 1.5 | 2
  readonly parity: 'none' | 'even' | 'odd' | 'mark' | 'space'
  readonly rtscts: boolean
  readonly maxLineBytes: number
  /** What should be on the port, as its error says it: `NMEA sentences`. */
  readonly expected: string
}

/** So much without one good line is the wrong speed or the wrong device, not a disturbance. */
const MAX_RUBBISH_BYTES = 16_384

/**
 * Reads lines until `signal` aborts. Every line that `take` does not accept, and every one that is too
 * long, counts as `parse_error`.
 * @param take answers whether the line was good; gets the wall and monotonic time of its arrival
 * @throws SensorError DEVICE_MISSING, DEVICE_DENIED, DEVICE_LOST as `openSerial`; DEVICE_PROTOCOL where
 *   nothing but rubbish comes in
 */
export async function readLines(
  source: LineSource,
  context: SensorContext,
  signal: AbortSignal,
  take: (line: Buffer, timeUs: number, monoUs: number) => boolean,
): Promise<void> {
  const { port: path, baudRate, dataBits, stopBits, parity, rtscts, maxLineBytes } = source
  let timeUs = 0
  let monoUs = 0
  let bad = 0
  let rubbishBytes = 0
  let counted = 0
  let wrongDevice: () => void = () => {}
  const splitter = new LineSplitter(maxLineBytes, (bytes) => {
    if (take(bytes, timeUs, monoUs)) rubbishBytes = 0
    else bad++
  })
  await usePort({ path, baudRate, dataBits, stopBits, parity, rtscts }, signal, {
    received: (chunk) => {
      timeUs = context.clock.nowUs()
      monoUs = context.clock.monoUs()
      rubbishBytes += chunk.length
      splitter.feed(chunk)
      const all = bad + splitter.tooLong
      if (all > counted) context.dropped('parse_error', all - counted)
      counted = all
      if (rubbishBytes > MAX_RUBBISH_BYTES) wrongDevice()
    },
    work: (_, stop) => {
      context.opened()
      return new Promise((resolve, reject) => {
        wrongDevice = () => reject(rubbish(source))
        stop.addEventListener('abort', () => resolve(), { once: true })
      })
    },
  })
}

function rubbish({ port, baudRate, expected }: LineSource): SensorError {
  return new SensorError('DEVICE_PROTOCOL', `${port} sends no ${expected} at ${baudRate} bit/s.`, {
    hint: `Look at what comes in: stty -F ${port} ${baudRate} raw && head -c 400 ${port} | cat -v. Unreadable: set another baudRate (4800, 9600, 38400, 115200). Readable: it is another device.`,
  })
}
