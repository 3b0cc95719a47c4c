// `npm run figures [-- --measure [NAME …]]`: the page of measured figures, from what is recorded; with
// `--measure` those named, or all, are measured in turn and recorded first.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measure } from './measure.ts'
import { MEASUREMENTS, type Measurement } from './measurements.ts'
import { figuresPage } from './page.ts'
import { readRecorded, writeRecorded } from './recorded.ts'

const PAGE = join(import.meta.dirname, '../../../deploy/guides/figures.md')
const USAGE = `npm run figures                          the page, from what is recorded
npm run figures -- --measure [NAME …]    measures these, or all in turn (about an hour on a quiet
                                         machine), records each and writes the page after each
Names: ${MEASUREMENTS.map(({ name }) => name).join(', ')}`

const { values, positionals } = parseArgs({
  options: {
    measure: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const unknown = positionals.filter((name) => !MEASUREMENTS.some((each) => each.name === name))
if (values.help || unknown.length > 0 || (positionals.length > 0 && !values.measure)) {
  if (unknown.length > 0) console.error(`Nothing to measure is called ${unknown.join(', ')}.`)
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

const asked = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => asked.abort())
const wanted = MEASUREMENTS.filter(
  ({ name }) => positionals.length === 0 || positionals.includes(name),
)
const failed = values.measure ? await measureAll(wanted) : []
writePage()
console.error(
  `deploy/guides/figures.md: ${readRecorded().length} of ${MEASUREMENTS.length} recorded`,
)
if (failed.length > 0) console.error(`not measured: ${failed.join(', ')}`)
process.exit(failed.length > 0 ? 1 : 0)

function writePage(): void {
  writeFileSync(PAGE, figuresPage(readRecorded(), MEASUREMENTS))
}

/** Answers the names of those that failed: what was recorded of them before stays. */
async function measureAll(wanted: readonly Measurement[]): Promise<string[]> {
  const failed: string[] = []
  for (const [n, measurement] of wanted.entries()) {
    const { name, command } = measurement
    console.error(`\n${n + 1} of ${wanted.length}: ${name} (${command})`)
    try {
      const recorded = await measure(measurement, asked.signal)
      writeRecorded(recorded)
      writePage()
      console.error(`${name}: ${recorded.rows.length} figures in ${recorded.seconds} s`)
    } catch (error) {
      failed.push(name)
      if (asked.signal.aborted) return [...failed, ...wanted.slice(n + 1).map((each) => each.name)]
      console.error(`${name}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return failed
}
