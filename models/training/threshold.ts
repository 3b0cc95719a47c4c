import { Alarm } from '../alarm.ts'
import type { AlarmSpec, Threshold } from '../bundle/manifest.ts'
import type { RowStore } from './rows.ts'

/** Share of the largest scores that a tail is fitted to. */
const TAIL = 0.1

/**
 * The lowest threshold at which the held-out rows, run through the same alarm as on the vehicle,
 * raise no more false alarms than wanted. Where the held-out time is too short to see that rate, the
 * threshold is read off an exponential tail fitted to the largest tenth of the scores (peaks over
 * threshold, Pickands 1975), and is at least the largest score seen.
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
  const sorted = scores.slice().sort()
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
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (alarmsAt(sorted[middle]) <= allowed) high = middle
    else low = middle + 1
  }
  return result(sorted[low] * 1.000_01, 'observed')
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
