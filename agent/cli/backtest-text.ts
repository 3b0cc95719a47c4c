import type { HistoryRange } from '../../sync/kafka/history.ts'
import { type BacktestResult, labelOf } from '../training/backtest.ts'
import { formatCount, formatSpan, short } from './output.ts'

const TABLE_EVENTS = 10

/** What came of a backtest, for a program. */
export function backtestJson(
  results: readonly BacktestResult[],
  read: { readonly topic: string; readonly ranges: readonly HistoryRange[] },
): string {
  const told = results.map(({ vehicles, troubled, curve, told, ...rest }) => ({
    ...rest,
    vehicles: vehicles.size,
    vehiclesWithEvents: troubled.size,
    alarmsPerVehicleWeek: perWeek(rest),
    curve: curve.sorted(),
    toldEvents: told,
  }))
  return `${JSON.stringify({ ...read, bundles: told })}\n`
}

/** Events of a vehicle that drives a whole week. */
function perWeek({ events, hours }: Pick<BacktestResult, 'events' | 'hours'>): number | null {
  return hours > 0 ? (events / hours) * 168 : null
}

/** What came of a backtest, for a person: figures side by side, then each bundle's events. */
export function backtestTable(results: readonly BacktestResult[]): string {
  const rows: [string, (one: BacktestResult) => string][] = [
    ['bundle', ({ name }) => name],
    ['hash', ({ hash }) => hash.slice(0, 12)],
    ['kind', ({ kind }) => kind],
    ['threshold', ({ threshold }) => short(threshold)],
    ['rows', ({ rows: count }) => formatCount(count)],
    ['above threshold', ({ above }) => formatCount(above)],
    ['without a score', ({ invalid }) => formatCount(invalid)],
    ['vehicles', ({ vehicles }) => formatCount(vehicles.size)],
    ['events', ({ events }) => formatCount(events)],
    ['vehicles with events', ({ troubled }) => formatCount(troubled.size)],
    ['events/vehicle/week', (one) => (one.hours > 0 ? short(perWeek(one)!) : '-')],
  ]
  const lines = rows.map(
    ([what, of]) =>
      `${what.padEnd(22)}${results.map((one) => of(one).slice(0, 24).padStart(26)).join('')}`,
  )
  for (const one of results) {
    const { told, events } = one
    lines.push('', `Events of ${labelOf(one)}:${events === 0 ? ' none' : ''}`)
    for (const { vehicle, beginUs, endUs, topScore, signal } of told.slice(0, TABLE_EVENTS)) {
      const lasted = endUs === undefined ? 'goes on' : formatSpan((endUs - beginUs) / 1000)
      lines.push(
        `  ${new Date(beginUs / 1000).toISOString()}  ${vehicle}  ${lasted}  top ${short(topScore)}  ${signal}`,
      )
    }
    if (events > TABLE_EVENTS) lines.push(`  and ${formatCount(events - TABLE_EVENTS)} more`)
  }
  return `${lines.join('\n')}\n`
}

/** What of the history a bundle could not use, a line each. */
export function backtestNotes(results: readonly BacktestResult[]): string {
  return results.flatMap((one) => one.notes.map((note) => `${labelOf(one)}: ${note}.\n`)).join('')
}
