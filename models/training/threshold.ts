import { Alarm } from '../alarm.ts'
import type { AlarmSpec, Threshold } from '../bundle/manifest.ts'
import type { RowStore } from './row-store.ts'

/** Share of the largest scores that a tail is fitted to. */
const TAIL = 0.1

/**
 * The lowest threshold at which the held-out rows, run through the same alarm as on the vehicle,
 * raise no more false alarms than wanted. Where the held-out time is too short to see that rate, the
 * threshold is read off an exponential tail fitted to the largest tenth of the sustained scores (peaks
 * over threshold, Pickands 1975), and is at least the largest one seen.
 */
export function chooseThreshold(
  scores: Float64Array,
  rows: RowStore,
  wanted: { alarms: number; hours: number },
  alarm: AlarmSpec,
  sampleEveryMs: number,
  gapMs: number,
): Threshold {
  const heldOutHours = (rows.count * sampleEveryMs) / 3_600_000
  const allowed = (wanted.alarms * heldOutHours) / wanted.hours
  const sorted = sustained(scores, rows, alarm.minDurationMs * 1000, gapMs * 1000).sort()
  const alarmsAt = (threshold: number) => countAlarms(scores, rows, threshold, alarm, gapMs)
  const result = (value: number, basis: Threshold['basis']): Threshold => {
    const rounded = Number(value.toPrecision(6))
    return { value: rounded, basis, wanted, heldOutHours, heldOutAlarms: alarmsAt(rounded) }
  }
  if (allowed < 1) {
    const first = Math.floor(sorted.length * (1 - TAIL))
    const from = sorted[first]
    let excess = 0
    for (let i = first; i < sorted.length; i++) excess += sorted[i] - from
    const mean = excess / (sorted.length - first)
    const perRow = (wanted.alarms * sampleEveryMs) / (wanted.hours * 3_600_000)
    const tail = from + mean * Math.log(TAIL / perRow)
    return result(Math.max(tail, sorted[sorted.length - 1] * 1.01), 'extrapolated')
  }
  // From the top down in growing steps: very low thresholds would melt all alarms into one.
  const top = sorted.length - 1
  let good = 0
  let bad = 1
  while (bad <= top && alarmsAt(sorted[top - bad]) <= allowed) {
    good = bad
    bad *= 2
  }
  bad = Math.min(bad, top + 1)
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (alarmsAt(sorted[top - middle]) <= allowed) good = middle
    else bad = middle
  }
  return result(sorted[top - good] * 1.000_01, 'observed')
}

/**
 * For each row the lowest score since `durationUs` before it: the highest threshold at which an event
 * would begin with this row. Rows of one vehicle are in order of time.
 */
function sustained(
  scores: Float64Array,
  rows: RowStore,
  durationUs: number,
  gapUs: number,
): Float64Array {
  const before = new Map<number, number>()
  const previous = new Int32Array(rows.count).fill(-1)
  return scores.map((score, i) => {
    previous[i] = before.get(rows.vehicle[i]) ?? -1
    before.set(rows.vehicle[i], i)
    let lowest = score
    for (let at = i; rows.timeUs[i] - rows.timeUs[at] < durationUs; at = previous[at]) {
      const back = previous[at]
      const passed = back < 0 ? -1 : rows.timeUs[at] - rows.timeUs[back]
      // Not above for so long yet: no event can begin here.
      if (passed < 0 || passed > gapUs) return 0
      lowest = Math.min(lowest, scores[back])
    }
    return lowest
  })
}

/** Events that held-out rows raise at this threshold, each vehicle with an alarm of its own. */
export function countAlarms(
  scores: Float64Array,
  rows: RowStore,
  threshold: number,
  spec: AlarmSpec,
  gapMs: number,
): number {
  const alarms = new Map<number, Alarm>()
  let events = 0
  for (let i = 0; i < rows.count; i++) {
    let alarm = alarms.get(rows.vehicle[i])
    if (!alarm) {
      alarm = new Alarm(threshold, spec, gapMs)
      alarms.set(rows.vehicle[i], alarm)
    }
    if (alarm.step(scores[i], rows.timeUs[i]) === 'begin') events++
  }
  return events
}
