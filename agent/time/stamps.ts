import type { ClockState } from '../../sync/record.ts'
import type { Now } from './clock-trust.ts'

/** A record this much older than now may still be live: a window, or what a device held back. */
const MAX_LIVE_AGE_US = 3_600_000_000

export interface Stamps {
  readonly timeUs: number
  readonly monoUs: number
  readonly clock: ClockState
}

/**
 * The times of a record, and what they are worth. The clock's state is its own: a replayed log of 2009 on
 * a good clock is `synced`. A record's monotonic time is that of its wall time where it can be live,
 * otherwise that of now. What was read before the clock jumped and is kept after it, or comes from a
 * sensor that goes on counting from there, gets the time that the clock says now.
 */
export function stampsOf(now: Now, timeUs: number): Stamps {
  const { nowUs, monoUs, state, offsetBeforeUs } = now
  const ageUs = nowUs - timeUs
  const live = ageUs >= 0 && ageUs <= MAX_LIVE_AGE_US
  if (offsetBeforeUs !== undefined) {
    const beforeUs = timeUs - offsetBeforeUs
    const ageBeforeUs = monoUs - beforeUs
    // Of two clocks that may have told it, the one by which it is younger.
    if (ageBeforeUs >= 0 && ageBeforeUs < (live ? ageUs : MAX_LIVE_AGE_US)) {
      return known(Math.max(0, beforeUs), timeUs, nowUs - monoUs, state)
    }
  }
  return {
    timeUs,
    monoUs: live ? Math.max(0, Math.round(monoUs - ageUs)) : monoUs,
    clock: state,
  }
}

function known(monoUs: number, timeUs: number, offsetUs: number, state: Now['state']): Stamps {
  if (state === 'unsynced') return { timeUs, monoUs, clock: state }
  return { timeUs: monoUs + offsetUs, monoUs, clock: 'repaired' }
}
