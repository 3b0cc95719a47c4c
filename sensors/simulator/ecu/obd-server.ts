import {
  CLEAR_CODES,
  CURRENT_DATA,
  FREEZE_FRAME,
  PENDING_CODES,
  PERMANENT_CODES,
  STORED_CODES,
  supportMask,
  VEHICLE_INFORMATION,
} from '../../obd/services.ts'
import type { EcuCode, EcuMemory } from './memory.ts'

/** What a simulated ECU knows of its vehicle. */
export interface EcuData {
  /** PIDs of service 01 that it has, without the masks. */
  readonly pids: readonly number[]
  /** Data bytes of a PID now. */
  pid(pid: number): Uint8Array | undefined
  /** Items of service 09 by type, each as on the wire. */
  readonly information: ReadonlyMap<number, readonly Uint8Array[]>
}

/** An answer, a negative response code, or nothing: OBD's way of not supporting something. */
export type Reply = Uint8Array | { readonly refuse: number } | undefined

/** Services of SAE J1979 as an ECU answers them. */
export function answerObd(request: Uint8Array, data: EcuData, memory: EcuMemory): Reply {
  const [service, pid = 0] = request
  switch (service) {
    case CURRENT_DATA:
      return currentData(pid, data, memory)
    case FREEZE_FRAME:
      return freezeFrame(pid, memory)
    case STORED_CODES:
      return codes(service, memory.with('stored'))
    case PENDING_CODES:
      return codes(service, memory.with('pending'))
    case PERMANENT_CODES:
      return codes(service, memory.with('permanent'))
    case CLEAR_CODES:
      memory.clear()
      return Uint8Array.of(CLEAR_CODES + 0x40)
    case VEHICLE_INFORMATION:
      return information(pid, data)
    default:
      return undefined
  }
}

function currentData(pid: number, data: EcuData, memory: EcuMemory): Reply {
  const head = [CURRENT_DATA + 0x40, pid]
  if (pid % 0x20 === 0) {
    const mask = maskOf(pid, [0x01, ...data.pids])
    return mask && Uint8Array.of(...head, ...mask)
  }
  if (pid === 0x01) {
    const count = memory.with('stored').length
    return Uint8Array.of(...head, (count > 0 ? 0x80 : 0) | Math.min(127, count), 0, 0, 0)
  }
  const bytes = data.pid(pid)
  return bytes && Uint8Array.of(...head, ...bytes)
}

/** Mask of the numbers behind `base`, its last bit saying that there are more; none where none are. */
function maskOf(base: number, numbers: readonly number[]): Uint8Array | undefined {
  if (!numbers.some((number) => number > base) && base > 0) return undefined
  const further = numbers.some((number) => number > base + 0x20) ? [base + 0x20] : []
  return supportMask(base, [...numbers, ...further])
}

function freezeFrame(pid: number, memory: EcuMemory): Reply {
  const [code] = memory.with('stored')
  const head = [FREEZE_FRAME + 0x40, pid, 0]
  if (pid === 0x02) return Uint8Array.of(...head, ...(code?.bytes ?? [0, 0]))
  if (!code) return undefined
  if (pid % 0x20 === 0) {
    const mask = maskOf(pid, [0x02, ...code.freezeFrame.keys()])
    return mask && Uint8Array.of(...head, ...mask)
  }
  const bytes = code.freezeFrame.get(pid)
  return bytes && Uint8Array.of(...head, ...bytes)
}

function codes(service: number, list: readonly EcuCode[]): Uint8Array {
  return Uint8Array.of(service + 0x40, list.length, ...list.flatMap(({ bytes }) => bytes))
}

function information(type: number, data: EcuData): Reply {
  const head = [VEHICLE_INFORMATION + 0x40, type]
  if (type === 0) return Uint8Array.of(...head, ...supportMask(0, data.information.keys()))
  const items = data.information.get(type)
  return items && Uint8Array.of(...head, items.length, ...items.flatMap((item) => [...item]))
}
