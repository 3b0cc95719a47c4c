import { CAN_EFF_FLAG, CAN_RAW_FILTER_MAX, CAN_RTR_FLAG } from './abi.ts'
import { type IdFilter, isExt } from './channel.ts'

/**
 * `struct can_filter[]` for the kernel; undefined where there are more than it takes, and everything
 * is to be let in. Remote frames never match: nobody decodes them.
 */
export function kernelFilters(filters: readonly IdFilter[]): Uint8Array | undefined {
  const unique = new Map<string, [id: number, mask: number]>()
  for (const filter of filters) {
    const ext = isExt(filter)
    const all = ext ? 0x1fff_ffff : 0x7ff
    const mask = (((filter.mask ?? all) & all) | CAN_EFF_FLAG | CAN_RTR_FLAG) >>> 0
    const id = ((filter.id & mask & all) | (ext ? CAN_EFF_FLAG : 0)) >>> 0
    unique.set(`${id}/${mask}`, [id, mask])
  }
  if (unique.size > CAN_RAW_FILTER_MAX) return undefined
  return new Uint8Array(Uint32Array.from([...unique.values()].flat()).buffer)
}
