import { useMemo } from 'preact/hooks'
import type uPlot from 'uplot'
import { figure, unitSign } from '../format.ts'
import type { Live } from './live.ts'
import { type Drive, Plot } from './plot.tsx'

/** One signal as it moves. */
export function LiveChart({
  live,
  name,
  windowSec,
  paused,
  close,
}: {
  live: Live
  name: string
  windowSec: number
  paused: boolean
  close(): void
}) {
  void live.beat.value
  const track = live.track(name)
  const range = track?.range(live.newestSec - windowSec)
  const drive = useMemo<Drive>(
    () => (plot, seen) => drawing(plot, seen, live, name, windowSec, paused),
    [live, name, windowSec, paused],
  )
  const options = useMemo(
    () => ({ height: 150, series: [{ label: name }], label: `Chart of ${name}` }),
    [name],
  )
  return (
    <figure class="live">
      <figcaption>
        <span class="live-name">{name}</span>
        <span class="live-value">
          {figure(track?.latest ?? undefined)} <small>{unitSign(track?.unit)}</small>
        </span>
        <button
          type="button"
          class="close"
          aria-label={`Remove the chart of ${name}`}
          onClick={close}
        >
          <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
            <path d="M3 3l10 10M13 3 3 13" stroke="currentColor" stroke-width="2" />
          </svg>
        </button>
      </figcaption>
      <Plot options={options} drive={drive} />
      <p class="small quiet">
        {range ? `${figure(range.min)} to ${figure(range.max)} in this window` : 'no reading yet'}
      </p>
    </figure>
  )
}

/** Draws what is new, at most once a frame of the screen, and only where it can be seen. */
function drawing(
  plot: uPlot,
  seen: () => boolean,
  live: Live,
  name: string,
  windowSec: number,
  paused: boolean,
): () => void {
  let version = -1
  let frame = 0
  const draw = (): void => {
    frame = requestAnimationFrame(draw)
    const track = live.track(name)
    if (!track || track.version === version || !seen() || (paused && version >= 0)) return
    version = track.version
    const max = live.newestSec
    plot.batch(() => {
      plot.setData([track.timesSec, track.values], false)
      plot.setScale('x', { min: max - windowSec, max })
    })
  }
  draw()
  return () => cancelAnimationFrame(frame)
}
