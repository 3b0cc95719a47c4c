import { useMemo } from 'preact/hooks'
import { figure } from '../format.ts'
import { type Drive, Plot } from './plot.tsx'

/** The last scores of one model, as `GET /inferences` has them. */
export interface Scores {
  readonly model: string
  readonly timeUs: readonly number[]
  readonly score: readonly number[]
}

/** The score of one model against the threshold of its alarm. */
export function ScoreChart({
  model,
  threshold,
  scores,
}: {
  model: string
  threshold: number
  scores: Scores | undefined
}) {
  const options = useMemo(
    () => ({
      height: 150,
      series: [{ label: 'score' }],
      limit: { at: threshold, label: 'alarm' },
      label: `Score of ${model}; the alarm is at ${figure(threshold)}`,
    }),
    [model, threshold],
  )
  const drive = useMemo<Drive>(
    () => (plot) => {
      const times = scores?.timeUs.map((us) => us / 1e6) ?? []
      const values = [...(scores?.score ?? [])]
      const top = Math.max(threshold * 1.3, ...values.filter(Number.isFinite)) * 1.05
      plot.batch(() => {
        plot.setData([times, values], true)
        plot.setScale('y', { min: 0, max: top })
      })
      return () => {}
    },
    [scores, threshold],
  )
  return <Plot options={options} drive={drive} />
}
