import { signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { figure } from '../format.ts'
import { polled } from '../state.ts'
import { type Drive, Plot } from './plot.tsx'
import { Track } from './track.ts'

const KEEP_SEC = 300

/** Scores as the status told them, from the moment on that the page was opened. */
const scores = new Map<string, Track>()
const beat = signal(0)

polled.subscribe(({ data }) => {
  for (const { name, lastScore } of data?.models ?? []) {
    if (lastScore === undefined || !data) continue
    const track = scores.get(name) ?? new Track(name, '')
    scores.set(name, track)
    track.push(data.nowUs, lastScore, KEEP_SEC)
  }
  queueMicrotask(() => beat.value++)
})

/** The score of one model against the threshold of its alarm. */
export function ScoreChart({ model, threshold }: { model: string; threshold: number }) {
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
    () => (plot) =>
      beat.subscribe(() => {
        const track = scores.get(model)
        if (!track) return
        const max = track.timesSec.at(-1) ?? 0
        const top = Math.max(threshold * 1.3, ...track.values.map((value) => value ?? 0))
        plot.batch(() => {
          plot.setData([track.timesSec, track.values], false)
          plot.setScale('x', { min: max - 120, max })
          plot.setScale('y', { min: 0, max: top * 1.05 })
        })
      }),
    [model, threshold],
  )
  return <Plot options={options} drive={drive} />
}
