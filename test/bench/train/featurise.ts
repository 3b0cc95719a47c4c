// History to feature rows in a process of its own: says how fast, and how much memory it took at most.
import { HistoryRows } from '../../../agent/training/rows.ts'
import { SIGNALS } from './records.ts'

// Behind the word `train`, for which the package's command has its flags.
const [, bootstrap, topic, wanted] = process.argv.slice(2)
const features = {
  sampleEveryMs: 1000,
  windowMs: 1000,
  graceMs: 200,
  clip: 100,
  inputs: SIGNALS.map((signal) => ({
    name: signal,
    signal,
    unit: '',
    aggregate: 'last' as const,
    missing: { rule: 'skip' as const },
  })),
}
const history = new HistoryRows({ brokers: [bootstrap], topic }, features)
let startMs = 0
let rows = 0
for await (const step of history.steps()) {
  startMs ||= performance.now()
  rows += step.rows.count
}
const seconds = (performance.now() - startMs) / 1000
const { records } = history.log.counts
if (rows < Number(wanted) * 0.99) throw new Error(`${rows} rows of ${wanted} records`)
const peakMiB = process.resourceUsage().maxRSS / 1024
process.stdout.write(JSON.stringify({ recordsPerS: records / seconds, peakMiB, rows }))
