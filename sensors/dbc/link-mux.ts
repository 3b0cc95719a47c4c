import type { MuxRange } from './database.ts'
import type { DraftMessage, DraftSignal } from './draft.ts'
import type { LinkContext } from './link-context.ts'

/** Raw values beyond this are not exact in a double, so no multiplexer is wider. */
const MAX_MUX_BITS = 53

/** For each signal that can be read: undefined if it is in every frame, else when it is. */
export type MuxPlan = Map<
  DraftSignal,
  { multiplexer: DraftSignal; ranges: readonly MuxRange[] } | undefined
>

/**
 * Finds out which multiplexer each signal hangs on, as cantools does: with one multiplexer (`M`) in
 * the message, signals marked `m3` hang on it, and `SG_MUL_VAL_` may add values. With several
 * (`M`, `m0M`), only `SG_MUL_VAL_` tells, and the number in the mark says nothing.
 * The raw value of the multiplexer decides, as Vector has it; cantools compares the scaled one.
 */
export function planMux(
  message: DraftMessage,
  signals: readonly DraftSignal[],
  context: LinkContext,
): MuxPlan {
  const multiplexers = signals.filter((signal) => signal.marker.endsWith('M'))
  const only = multiplexers.length === 1 ? multiplexers[0] : undefined
  const listed = context.draft.muxValues.filter((entry) => entry.id === message.id)
  const plan: MuxPlan = new Map()
  for (const signal of signals) {
    const leaveOut = (reason: string): void =>
      context.warn(
        signal.line,
        `signal ${signal.name} of message ${message.name} ${reason}: left out`,
      )
    if (signal.marker === '' || signal === only) {
      plan.set(signal, undefined)
      continue
    }
    const ranges: MuxRange[] = []
    let multiplexer = only
    if (only) {
      const value = Number(signal.marker.slice(1))
      ranges.push({ from: value, to: value })
      const own = listed.filter((e) => e.signal === signal.name && e.multiplexer === only.name)
      for (const entry of own) ranges.push(...entry.ranges)
    } else {
      const entry = listed.findLast((e) => e.signal === signal.name)
      if (!entry) {
        if (signal.marker === 'M') plan.set(signal, undefined)
        else if (multiplexers.length === 0) leaveOut('is multiplexed, but there is no multiplexer')
        else leaveOut('is multiplexed, but no SG_MUL_VAL_ says by which signal')
        continue
      }
      multiplexer = multiplexers.find((candidate) => candidate.name === entry.multiplexer)
      if (!multiplexer) {
        leaveOut(`is multiplexed by ${entry.multiplexer}, which is no multiplexer of the message`)
        continue
      }
      ranges.push(...entry.ranges)
    }
    plan.set(signal, { multiplexer: multiplexer!, ranges: merged(ranges) })
  }
  dropUnreachable(message, plan, context)
  return plan
}

/** Leaves out what hangs on a multiplexer that is itself left out, in a ring, or too wide. */
function dropUnreachable(message: DraftMessage, plan: MuxPlan, context: LinkContext): void {
  const reachable = new Set<DraftSignal>()
  for (let before = -1; before !== reachable.size; ) {
    before = reachable.size
    for (const [signal, mux] of plan) {
      const open =
        !mux || (reachable.has(mux.multiplexer) && mux.multiplexer.bitLength <= MAX_MUX_BITS)
      if (open) reachable.add(signal)
    }
  }
  for (const signal of [...plan.keys()]) {
    if (reachable.has(signal)) continue
    context.warn(
      signal.line,
      `signal ${signal.name} of message ${message.name} hangs on a multiplexer that is never read: left out`,
    )
    plan.delete(signal)
  }
}

/** Sorted, without overlap, neighbours joined: equal conditions then look equal. */
function merged(ranges: readonly MuxRange[]): readonly MuxRange[] {
  const joined: { from: number; to: number }[] = []
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1)
    if (last && range.from <= last.to + 1) last.to = Math.max(last.to, range.to)
    else joined.push({ ...range })
  }
  return joined
}
