import { pgnOf } from '../dbc/database-set.ts'

/** Parts of a 29-bit identifier (SAE J1939-21, 5.1). */
export interface J1939Id {
  /** 0 goes first, 7 last. */
  readonly priority: number
  /** Parameter group number. */
  readonly pgn: number
  readonly source: number
  /** `BROADCAST` where the group is for everybody. */
  readonly destination: number
}

export const BROADCAST = 0xff
/** The address of who has none. */
export const NO_ADDRESS = 0xfe

/** Groups of the protocol itself. */
export const PGN = {
  request: 0xea00,
  transportData: 0xeb00,
  transportControl: 0xec00,
  addressClaimed: 0xee00,
  dm1: 0xfeca,
  dm2: 0xfecb,
} as const

export function parseId(id: number): J1939Id {
  const pgn = pgnOf(id)
  const destination = isAddressed(pgn) ? (id >>> 8) & 0xff : BROADCAST
  return { priority: (id >>> 26) & 7, pgn, source: id & 0xff, destination }
}

export function makeId({ priority, pgn, source, destination }: J1939Id): number {
  const low = isAddressed(pgn) ? destination : pgn & 0xff
  return ((priority << 26) | ((pgn & 0x3ff00) << 8) | (low << 8) | source) >>> 0
}

/** Whether a group goes to one address (PDU1), not to all (PDU2). */
function isAddressed(pgn: number): boolean {
  return (pgn & 0xff00) < 0xf000
}

/** A filter for one group from any source with any priority. */
export function filterOf(pgn: number): { id: number; mask: number; ext: true } {
  const mask = isAddressed(pgn) ? 0x03ff_0000 : 0x03ff_ff00
  return { id: (pgn << 8) & mask, mask, ext: true }
}

/** Three bytes of a group number, least significant first. */
export function pgnBytes(pgn: number): [number, number, number] {
  return [pgn & 0xff, (pgn >> 8) & 0xff, (pgn >> 16) & 0xff]
}

export function pgnAt(data: Uint8Array, at: number): number {
  return data[at] | (data[at + 1] << 8) | ((data[at + 2] & 3) << 16)
}
