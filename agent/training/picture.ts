import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type BacktestResult, labelOf } from './backtest.ts'

const COLOURS = ['#0b7285', '#c2255c', '#5f3dc4', '#2b8a3e']

/**
 * One HTML page that needs nothing beside it: the score of each bundle over time as a multiple of its
 * threshold, drawn by uPlot, and their figures and events as tables.
 */
export function backtestPage(topic: string, results: readonly BacktestResult[]): string {
  const times = [...new Set(results.flatMap(({ curve }) => curve.sorted().map(([at]) => at)))]
  times.sort((a, b) => a - b)
  const series = results.map(({ curve }) => {
    const known = new Map(curve.sorted())
    return times.map((at) => known.get(at) ?? null)
  })
  const data = [times.map((us) => us / 1e6), ...series, times.map(() => 1)]
  const lines = results.map((one, i) => ({
    label: labelOf(one),
    stroke: COLOURS[i % COLOURS.length],
    width: 1.5,
    spanGaps: true,
  }))
  const chart = { data, lines }
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Backtest on ${escaped(topic)}</title>
<meta name="viewport" content="width=device-width">
<style>${library('uPlot.min.css')}
body { font: 15px system-ui, sans-serif; margin: 2rem; max-width: 70rem; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .2rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }</style>
<h1>Backtest on ${escaped(topic)}</h1>
<div id="chart"></div>
${figures(results)}
${results.map(events).join('\n')}
<script>${library('uPlot.iife.min.js')}</script>
<script type="application/json" id="data">${JSON.stringify(chart).replaceAll('<', '\\u003c')}</script>
<script>
const { data, lines } = JSON.parse(document.getElementById('data').textContent)
new uPlot({
  title: 'Largest score, as a multiple of the threshold',
  width: Math.min(1100, innerWidth - 60), height: 380,
  scales: { y: { distr: 3 } },
  series: [{}, ...lines, { label: 'threshold', stroke: '#868e96', dash: [6, 4] }],
}, data, document.getElementById('chart'))
</script></html>
`
}

function figures(results: readonly BacktestResult[]): string {
  const rows: [string, (one: BacktestResult) => string][] = [
    ['rows', ({ rows }) => rows.toLocaleString('en-US')],
    ['rows above the threshold', ({ above }) => above.toLocaleString('en-US')],
    ['vehicles', ({ vehicles }) => String(vehicles.size)],
    ['events', ({ events: count }) => String(count)],
    ['vehicles with an event', ({ troubled }) => String(troubled.size)],
    ['hours driven', ({ hours }) => hours.toFixed(1)],
  ]
  const head = results.map((one) => `<th>${escaped(labelOf(one))}</th>`)
  const body = rows.map(
    ([what, of]) =>
      `<tr><td>${what}</td>${results.map((one) => `<td>${of(one)}</td>`).join('')}</tr>`,
  )
  return `<table><tr><th></th>${head.join('')}</tr>${body.join('')}</table>`
}

function events(one: BacktestResult): string {
  const { told } = one
  const rows = told.map(({ vehicle, beginUs, endUs, topScore, signal }) => {
    const time = (us: number | undefined) =>
      us === undefined ? 'goes on' : new Date(us / 1000).toISOString()
    return `<tr><td>${escaped(vehicle)}</td><td>${time(beginUs)}</td><td>${time(endUs)}</td><td>${topScore.toPrecision(4)}</td><td>${escaped(signal)}</td></tr>`
  })
  return `<h2>${escaped(labelOf(one))}: ${told.length} events</h2><table><tr><th>vehicle</th><th>begin</th><th>end</th><th>top score</th><th>signal</th></tr>${rows.join('')}</table>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

/** A file of uPlot, put into the page as it is. */
function library(name: string): string {
  const entry = createRequire(import.meta.url).resolve('uplot')
  return readFileSync(join(dirname(entry), name), 'utf8')
}
