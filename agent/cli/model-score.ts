import { openBundle } from '../../models/bundle/archive.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import type { RuntimeName } from '../../models/runtime.ts'
import type { Inference } from '../../models/scorer.ts'
import { Scorers } from '../../models/scorers.ts'
import { counted, formatCount, paint, short } from './output.ts'

interface ScoreOptions {
  input: string
  json?: boolean
  vehicle?: string
  time?: string
  timeUnit: 's' | 'ms' | 'us'
  runtime?: RuntimeName
}

/** `milepost model score`: a line for each row of a CSV file. */
export async function score(dir: string, options: ScoreOptions): Promise<void> {
  const bundle = await openBundle(dir)
  const open = await openNetwork(bundle, options.runtime)
  const { csvRows } = await import('../../models/training/csv.ts')
  const { inputs, sampleEveryMs } = bundle.manifest.features
  const scorers = new Scorers(bundle, open)
  const rows = csvRows(options.input, {
    inputs: inputs.map(({ name }) => name),
    vehicle: options.vehicle,
    time: options.time ? { column: options.time, unit: options.timeUnit } : undefined,
    everyMs: sampleEveryMs,
  })
  let row = 0
  let above = 0
  let events = 0
  let skipped = 0
  for await (const { vehicle, timeUs, values } of rows) {
    row++
    const inference = scorers.of(vehicle).columns(values, timeUs)
    if (!inference) skipped++
    else {
      if (inference.above) above++
      if (inference.event === 'begin') events++
    }
    const line = options.json
      ? jsonLine(row, vehicle, inference, options)
      : textLine(row, vehicle, inference, options)
    if (!process.stdout.write(`${line}\n`)) {
      await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
  }
  open.network.dispose()
  const { name } = bundle.manifest
  process.stderr.write(
    `${counted(row, 'row')}, ${formatCount(above)} above the threshold` +
      `${options.vehicle || options.time ? `, ${counted(events, 'event')}` : ''}` +
      `${skipped ? `, ${formatCount(skipped)} skipped for missing values` : ''}` +
      ` (${name} ${bundle.hash.slice(0, 12)}, ${open.runtime})\n`,
  )
}

/** Rows on their own are judged on their own; only rows of a vehicle in time make events. */
function judged(inference: Inference, options: ScoreOptions): boolean {
  return options.vehicle || options.time ? inference.anomaly : inference.above
}

function jsonLine(
  row: number,
  vehicle: string,
  inference: Inference | undefined,
  options: ScoreOptions,
): string {
  const where = { row, ...(options.vehicle ? { vehicle } : {}) }
  if (!inference) return JSON.stringify({ ...where, skipped: 'a value is missing' })
  const { timeUs, sourceFromUs, sourceToUs, ...rest } = inference
  const times = options.time ? { timeUs, sourceFromUs, sourceToUs } : {}
  return JSON.stringify({ ...where, ...times, ...rest, anomaly: judged(inference, options) })
}

function textLine(
  row: number,
  vehicle: string,
  inference: Inference | undefined,
  options: ScoreOptions,
): string {
  const where = `${row}${options.vehicle ? ` ${vehicle}` : ''}`
  if (!inference) return `${where} skipped: a value is missing`
  const anomaly = judged(inference, options)
  const verdict = paint(anomaly ? 'red' : 'green', anomaly ? 'ANOMALY' : 'ok     ', process.stdout)
  const why = inference.contributors
    .slice(0, 3)
    .map(({ signal, share, value, expected }) => {
      const percent = Math.round(share * 100)
      return `${signal} ${percent}% (${short(value)}, expected ${short(expected)})`
    })
    .join('; ')
  return `${where} ${verdict} score ${short(inference.score)} threshold ${short(inference.threshold)}  ${why}`
}
