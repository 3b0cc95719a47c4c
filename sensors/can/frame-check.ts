import { SensorError } from '../errors.ts'
import { FD_LENGTHS, FRAME_BRS, FRAME_ESI, FRAME_EXT, FRAME_FD } from '../frame.ts'

/**
 * Flags of a frame about to be sent, checked.
 * @throws SensorError DEVICE_PROTOCOL where no such frame exists (ISO 11898-1)
 */
export function flagsToSend(id: number, ext: boolean, data: Uint8Array, flags: number): number {
  const fd = (flags & FRAME_FD) !== 0
  const most = ext ? 0x1fff_ffff : 0x7ff
  if (!Number.isInteger(id) || id < 0 || id > most) {
    throw new SensorError('DEVICE_PROTOCOL', `${id} is no ${ext ? 29 : 11}-bit identifier.`)
  }
  if (fd ? !FD_LENGTHS.includes(data.length) : data.length > 8) {
    throw new SensorError(
      'DEVICE_PROTOCOL',
      `A ${fd ? 'CAN FD' : 'classic CAN'} frame cannot carry ${data.length} bytes.`,
    )
  }
  const allowed = fd ? FRAME_FD | FRAME_BRS | FRAME_ESI : 0
  return (flags & allowed) | (ext ? FRAME_EXT : 0)
}
