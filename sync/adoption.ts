import { SyncError } from './errors.ts'
import { LANES } from './record.ts'
import type { Source } from './source.ts'
import { tipOf } from './tip.ts'
import type { Positions, Uplink } from './uplink.ts'

/**
 * Why these positions are not of this file: it is an older copy of the one that was sent from, or a copy
 * that went on by itself and gave the same numbers to other records.
 */
export function aheadOf(
  source: Source,
  positions: Positions,
  { tips }: Pick<Uplink, 'tips'>,
): SyncError | undefined {
  for (const lane of LANES) {
    const seq = positions[lane]
    if (seq > source.lastSeq(lane)) {
      return ahead(`the other side has ${lane} up to ${seq}, this file ${source.lastSeq(lane)}`)
    }
    const tip = tips?.get(lane)
    const [own] = tip && seq > 0 ? source.read(lane, seq - 1, 1, 1) : []
    if (own?.seq === seq && tipOf(own) !== tip) {
      return ahead(`the other side has another record as ${lane} ${seq} than this file`)
    }
  }
  return undefined
}

/**
 * What the other side had acknowledged and knows no more. Nothing can be done about it here, where those
 * records are gone; but nobody else notices. An uplink that never tells positions forgets none.
 */
export function behind(
  source: Source,
  positions: Positions,
  { tips }: Pick<Uplink, 'tips'>,
): SyncError | undefined {
  if (!tips) return undefined
  const forgotten = LANES.filter((lane) => positions[lane] < source.deliveredSeq(lane))
  if (forgotten.length === 0) return undefined
  const each = forgotten.map(
    (lane) => `${lane} up to ${positions[lane]} and not ${source.deliveredSeq(lane)}`,
  )
  return new SyncError(
    'UPLINK_BEHIND',
    `The other side has forgotten what it acknowledged: it has ${each.join(', ')}`,
    {
      hint: 'It was wiped, put back to an older state, is another one than before, or let the positions expire (offsets.retention.minutes). New records go on; `milepost audit` says whether older ones are missing there.',
    },
  )
}

function ahead(message: string): SyncError {
  return new SyncError('UPLINK_AHEAD', message, {
    hint: 'The file is a copy, or was restored from one; it goes on under a new epoch. What waited in it and had been sent since the copy was made is sent again under that epoch.',
  })
}
