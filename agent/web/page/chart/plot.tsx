import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { onColours } from '../theme.tsx'
import { colours } from './colours.ts'

export interface PlotOptions {
  readonly height: number
  readonly series: readonly { readonly label: string; readonly step?: boolean }[]
  /** x is seconds from an instant, not the time of day. */
  readonly relative?: boolean
  /** Where a line stands upright, with its name: the trigger of a capture. */
  readonly marks?: readonly { readonly at: number; readonly label: string }[]
  /** Said to who cannot see it. */
  readonly label: string
}

/** Hands itself to `drive`, which gives it data; answers what ends that. */
export type Drive = (plot: uPlot, seen: () => boolean) => () => void

/** A uPlot that follows its width, the colours, and whether it can be seen. */
export function Plot({ options, drive }: { options: PlotOptions; drive: Drive }) {
  const host = useRef<HTMLDivElement>(null)
  const key = JSON.stringify(options)
  useEffect(() => {
    const element = host.current!
    let seen = true
    let plot: uPlot
    let stop: (() => void) | undefined
    const make = (): void => {
      stop?.()
      plot?.destroy()
      plot = new uPlot(shape(options, element.clientWidth || 300), [[]], element)
      stop = drive(plot, () => seen)
    }
    make()
    const sizes = new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width)
      if (width > 0 && width !== plot.width) plot.setSize({ width, height: options.height })
    })
    sizes.observe(element)
    const sight = new IntersectionObserver(([entry]) => {
      seen = entry.isIntersecting
    })
    sight.observe(element)
    let first = true
    const off = onColours(() => {
      if (!first) make()
      first = false
    })
    return () => {
      off()
      sizes.disconnect()
      sight.disconnect()
      stop?.()
      plot.destroy()
    }
  }, [key, drive])
  return <div class="plot" ref={host} role="img" aria-label={options.label} />
}

function shape(
  { height, series, relative, marks = [] }: PlotOptions,
  width: number,
): uPlot.Options {
  const look = colours()
  const font = '12px "Overpass Mono", monospace'
  const axis = {
    stroke: look.quiet,
    font,
    grid: { stroke: look.grid, width: 1 },
    ticks: { show: false },
    gap: 6,
  }
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    padding: [8, 4, 0, 0],
    scales: { x: { time: !relative } },
    axes: [
      {
        ...axis,
        size: 24,
        space: 70,
        ...(relative
          ? { values: (_, splits) => splits.map((at) => `${at > 0 ? '+' : ''}${at} s`) }
          : { values: '{HH}:{mm}:{ss}' }),
      },
      { ...axis, size: 52, space: 32, values: (_, splits) => splits.map(tick) },
    ],
    series: [
      {},
      ...series.map(({ label, step }, i) => ({
        label,
        stroke: look.lines[i % look.lines.length],
        width: 1.6,
        points: { show: false },
        spanGaps: true,
        ...(step ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
      })),
    ],
    hooks: { draw: [(plot) => drawMarks(plot, marks, look.mark, font)] },
  }
}

function drawMarks(
  plot: uPlot,
  marks: NonNullable<PlotOptions['marks']>,
  colour: string,
  font: string,
): void {
  const { ctx, bbox } = plot
  for (const { at, label } of marks) {
    const x = plot.valToPos(at, 'x', true)
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.save()
    ctx.strokeStyle = colour
    ctx.fillStyle = colour
    ctx.lineWidth = 2 * devicePixelRatio
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    ctx.font = font.replace('12px', `${12 * devicePixelRatio}px`)
    const right = x + ctx.measureText(label).width + 12 * devicePixelRatio > bbox.left + bbox.width
    ctx.textAlign = right ? 'right' : 'left'
    ctx.textBaseline = 'top'
    ctx.fillText(label, x + (right ? -6 : 6) * devicePixelRatio, bbox.top + 2)
    ctx.restore()
  }
}

function tick(value: number | null): string {
  if (value === null) return ''
  const size = Math.abs(value)
  if (size >= 10_000) return `${+(value / 1000).toFixed(1)}k`
  return String(+value.toPrecision(6))
}
