import type { ChannelFrame, FrameChannel } from '../can/channel.ts'
import { Deadline } from '../deadline.ts'
import { NRC } from '../diagnostics/negative-response.ts'
import { type IsoTpAddress, normalFixed } from '../isotp/address.ts'
import { PADDING } from '../isotp/options.ts'
import { parsePci } from '../isotp/pci.ts'
import type { Clock } from '../sensor.ts'
import { CURRENT_DATA, FIRST_ANSWER_ID, FUNCTIONAL_ID, FUNCTIONAL_ID_EXT } from './services.ts'

/** An ECU that speaks OBD. */
export interface FoundEcu {
  /** `7E8`, `18DAF110`: the identifier of its answers. */
  readonly name: string
  readonly address: IsoTpAddress
}

/** ECUs with 11-bit identifiers that a vehicle can have (ISO 15765-4, 10.5.1). */
export const MAX_ECUS = 8

/** The ECU whose answers have this identifier; undefined where it is none of OBD's. */
function ecuOf(id: number, ext: boolean): FoundEcu | undefined {
  if (ext) {
    if ((id & 0x1fffff00) !== 0x18daf100) return undefined
    return { name: id.toString(16).toUpperCase(), address: normalFixed(id & 0xff) }
  }
  if (id < FIRST_ANSWER_ID || id >= FIRST_ANSWER_ID + MAX_ECUS) return undefined
  const address = { txId: id - 8, rxId: id, ext }
  return { name: id.toString(16).toUpperCase(), address }
}

/**
 * Asks all ECUs at once for the PIDs that they support (service 01, PID 00) and collects who answers
 * within `waitMs`, by identifier.
 * @throws SensorError as `FrameChannel.send`
 */
export async function discover(
  channel: FrameChannel,
  ext: boolean,
  clock: Clock,
  waitMs: number,
  signal: AbortSignal,
): Promise<FoundEcu[]> {
  const found = new Map<number, FoundEcu>()
  const filter = ext
    ? { id: 0x18daf100, mask: 0x1fffff00, ext }
    : { id: FIRST_ANSWER_ID, mask: 0x7f8, ext }
  const hear = ({ id, data }: ChannelFrame): void => {
    const ecu = ecuOf(id, ext)
    if (!ecu || found.size >= MAX_ECUS) return
    const pci = parsePci(data, 0)
    if (pci?.kind !== 'single') return
    const [service, pid] = pci.payload
    const answered = service === CURRENT_DATA + 0x40 && pid === 0 && pci.payload.length >= 6
    // "Response pending" is an answer too: somebody is there.
    const pending =
      service === 0x7f && pid === CURRENT_DATA && pci.payload[2] === NRC.responsePending
    if (answered || pending) found.set(id, ecu)
  }
  const unlisten = channel.onFrame([filter], hear)
  try {
    const request = new Uint8Array(8).fill(PADDING)
    request.set([2, CURRENT_DATA, 0])
    channel.send(ext ? FUNCTIONAL_ID_EXT : FUNCTIONAL_ID, ext, request)
    await new Promise<void>((resolve) => {
      const deadline = new Deadline(clock, resolve)
      deadline.set(clock.monoUs() + waitMs * 1000)
      signal.addEventListener(
        'abort',
        () => {
          deadline.set(Number.POSITIVE_INFINITY)
          resolve()
        },
        { once: true },
      )
    })
  } finally {
    unlisten()
  }
  return [...found].sort(([a], [b]) => a - b).map(([, ecu]) => ecu)
}
