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
  /** Where a line lies, with its name: the threshold of an alarm. */
  readonly limit?: { readonly at: number; readonly label: string }
  /** The second and third series are the edges of a band behind the first. */
  readonly band?: boolean
  /** Said to who cannot see it. */
  readonly label: string
}

/** Hands itself to `drive`, which gives it data; answers what ends that. */
export type Drive = (plot: uPlot, seen: () => boolean) => () => void

/** A uPlot that follows its width, the colours, and whether it can be seen. */
export function Plot({ options, drive }: { options: PlotOptions; drive: Drive }) {
  const host = useRef<HTMLDivElement>(null)
  const driven = useRef(drive)
  const restart = useRef(() => {})
  const key = JSON.stringify(options)
  useEffect(() => {
    const element = host.current!
    let seen = true
    let plot: uPlot
    let stop: (() => void) | undefined
    const start = (): void => {
      stop?.()
      stop = driven.current(plot, () => seen)
    }
    const make = (): void => {
      stop?.()
      stop = undefined
      plot?.destroy()
      plot = new uPlot(shape(options, element.clientWidth || 300), [[]], element)
      start()
    }
    make()
    restart.current = start
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
  }, [key])
  // New data alone needs no new chart.
  useEffect(() => {
    if (driven.current === drive) return
    driven.current = drive
    restart.current()
  }, [drive])
  return <div class="plot" ref={host} role="img" aria-label={options.label} />
}

function shape(
  { height, series, relative, marks = [], limit, band }: PlotOptions,
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
        stroke: look.line,
        width: band && i > 0 ? 0 : 1.6,
        points: { show: false },
        spanGaps: !band,
        ...(step ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
      })),
    ],
    ...(band ? { bands: [{ series: [3, 2] as [number, number], fill: look.band }] } : {}),
    hooks: {
      draw: [
        (plot) => {
          for (const mark of marks) drawLine(plot, 'x', mark, look.mark, font)
          if (limit) drawLine(plot, 'y', limit, look.mark, font)
        },
      ],
    },
  }
}

/** A named, dashed line across the chart: upright at `at` of x, or lying at `at` of y. */
function drawLine(
  plot: uPlot,
  scale: 'x' | 'y',
  { at, label }: { readonly at: number; readonly label: string },
  colour: string,
  font: string,
): void {
  const { ctx, bbox } = plot
  const { left, top, width, height } = bbox
  const ratio = devicePixelRatio
  const place = plot.valToPos(at, scale, true)
  const upright = scale === 'x'
  if (upright ? place < left || place > left + width : place < top || place > top + height) return
  ctx.save()
  ctx.strokeStyle = colour
  ctx.fillStyle = colour
  // Many unnamed ones must not hide the line that they belong to.
  ctx.lineWidth = (label ? 1.6 : 1) * ratio
  ctx.globalAlpha = label ? 1 : 0.55
  ctx.setLineDash([5 * ratio, 4 * ratio])
  ctx.beginPath()
  ctx.moveTo(upright ? place : left, upright ? top : place)
  ctx.lineTo(upright ? place : left + width, upright ? top + height : place)
  ctx.stroke()
  ctx.font = font.replace('12px', `${12 * ratio}px`)
  const fits = place + ctx.measureText(label).width + 12 * ratio < left + width
  ctx.textAlign = upright && !fits ? 'right' : 'left'
  ctx.textBaseline = upright ? 'top' : 'bottom'
  const gap = 6 * ratio
  ctx.fillText(
    label,
    upright ? place + (fits ? gap : -gap) : left + gap,
    upright ? top + 2 : place - 3,
  )
  ctx.restore()
}

function tick(value: number | null): string {
  if (value === null) return ''
  const size = Math.abs(value)
  if (size >= 10_000) return `${+(value / 1000).toFixed(1)}k`
  return String(+value.toPrecision(6))
}
