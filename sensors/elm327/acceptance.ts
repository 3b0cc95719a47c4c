import { type IdFilter, isExt } from '../can/channel.ts'

/** The ELM327 has one filter; the STN chips of OBDLink have many (manual STN1100FRPM, 6.6). */
export const MAX_STN_FILTERS = 32

/** One acceptance filter: a frame passes when `frame.id & mask` equals `id & mask`. */
export interface Acceptance {
  readonly id: number
  readonly mask: number
}

export const ACCEPT_ALL: Acceptance = { id: 0, mask: 0 }

/**
 * The filters for what is wanted: at most `max` of them. Where there are more, one that lets all of them
 * through, and maybe others as well: a bit counts where all agree on it.
 */
export function acceptanceFor(
  wanted: readonly IdFilter[] | undefined,
  ext: boolean,
  max: number,
): Acceptance[] {
  const full = ext ? 0x1fff_ffff : 0x7ff
  const ours = (wanted ?? [{ id: 0, mask: 0, ext }])
    .filter((filter) => isExt(filter) === ext)
    .map(({ id, mask = full }) => ({ id: id & mask & full, mask: mask & full }))
  if (ours.length <= max) return ours.length === 0 ? [ACCEPT_ALL] : ours
  const cover = ours.reduce((all, { id, mask }) => {
    const common = all.mask & mask & ~(all.id ^ id)
    return { id: all.id & common, mask: common }
  })
  return [cover]
}

/** As many hexadecimal digits as an identifier has. */
export function idDigits(value: number, ext: boolean): string {
  return value
    .toString(16)
    .toUpperCase()
    .padStart(ext ? 8 : 3, '0')
}
