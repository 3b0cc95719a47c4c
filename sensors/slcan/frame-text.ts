import { flagsToSend } from '../can/frame-check.ts'
import { FD_LENGTHS, FRAME_BRS, FRAME_EXT, FRAME_FD } from '../frame.ts'

/**
 * The command that sends one frame, without its CR: `t1232AABB`.
 * @throws SensorError DEVICE_PROTOCOL where no such frame exists
 */
export function frameText(id: number, ext: boolean, data: Uint8Array, asked: number): string {
  const flags = flagsToSend(id, ext, data, asked)
  const digits = hex(id, flags & FRAME_EXT ? 8 : 3)
  const length = hex(FD_LENGTHS.indexOf(data.length), 1)
  return letter(flags) + digits + length + Buffer.from(data).toString('hex').toUpperCase()
}

/** As `parser.ts` reads them; capital letters have 29 bits. */
function letter(flags: number): string {
  const small = flags & FRAME_BRS ? 'b' : flags & FRAME_FD ? 'd' : 't'
  return flags & FRAME_EXT ? small.toUpperCase() : small
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}
