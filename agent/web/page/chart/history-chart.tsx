import { useMemo } from 'preact/hooks'
import type { HistoryAnswer } from '../../../local/history/query.ts'
import { figure, unitSign } from '../format.ts'
import { type Drive, Plot, type PlotOptions } from './plot.tsx'

/** Further apart than this many points' width, two points are not joined: nothing was read between. */
const GAP_POINTS = 20

/** What one signal did: a line of what it was last, on a band from its least to its most. */
export function HistoryChart({
  series: { name, unit, points },
  fromUs,
  toUs,
  marks,
}: {
  series: HistoryAnswer['series'][number]
  fromUs: number
  toUs: number
  marks: NonNullable<PlotOptions['marks']>
}) {
  const options = useMemo(
    () => ({
      height: 160,
      series: [{ label: name }, { label: 'least' }, { label: 'most' }],
      band: true,
      marks,
      label: `History of ${name}`,
    }),
    [name, marks],
  )
  const drive = useMemo<Drive>(
    () => (plot) => {
      const gapUs = ((toUs - fromUs) / 600) * GAP_POINTS
      const [times, last, least, most]: (number | null)[][] = [[], [], [], []]
      for (const [i, [timeUs, min, max, value]] of points.entries()) {
        const before = points[i - 1]?.[0]
        if (before !== undefined && timeUs - before > gapUs) {
          times.push((before + timeUs) / 2e6)
          for (const line of [last, least, most]) line.push(null)
        }
        times.push(timeUs / 1e6)
        last.push(value)
        least.push(min)
        most.push(max)
      }
      plot.batch(() => {
        plot.setData([times as number[], last, least, most], false)
        plot.setScale('x', { min: fromUs / 1e6, max: toUs / 1e6 })
      })
      return () => {}
    },
    [points, fromUs, toUs],
  )
  const least = Math.min(...points.map(([, min]) => min))
  const most = Math.max(...points.map(([, , max]) => max))
  return (
    <figure class="live">
      <figcaption class="plain">
        <span class="live-name">{name}</span>
        <span class="quiet small">
          {figure(least)} to {figure(most)} {unitSign(unit)}
        </span>
      </figcaption>
      <Plot options={options} drive={drive} />
    </figure>
  )
}
