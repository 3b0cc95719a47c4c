import type { Measurement } from './measurements.ts'
import type { Machine, Recorded, RecordedRow } from './recorded.ts'

/** A machine whose processors were so busy before the run was not quiet. */
const BUSY_LOAD_PER_CPU = 0.5

/** `deploy/guides/figures.md`, from what was recorded. */
export function figuresPage(recorded: readonly Recorded[], known: readonly Measurement[]): string {
  const found = new Map(recorded.map((each) => [each.name, each]))
  const missing = known.filter(({ name }) => !found.has(name))
  return `${[
    '<!-- Made from test/bench/recorded by `npm run figures`; a test compares the two. -->',
    '# Measured figures',
    HEAD,
    ...known.flatMap((measurement) => {
      const run = found.get(measurement.name)
      return run ? sectionOf(measurement, run) : []
    }),
    ...(missing.length > 0 ? [missingOf(missing)] : []),
  ].join('\n\n')}\n`
}

const HEAD = `Each figure with the machine, the day, the commit and the command that gave it, so that anybody can
measure it again. Most stand beside a named peer's from the same run: **×** says how many times better
ours is, below 1 it is worse. A ratio carries over to another machine, a plain figure does not.

    npm run figures -- --measure              # all of them again, and this page
    npm run figures -- --measure decode page  # these
    npm run figures                           # this page, from what is recorded`

function sectionOf({ name, about }: Measurement, run: Recorded): string[] {
  const minutes = run.seconds / 60
  const took = minutes < 1.5 ? `${Math.round(run.seconds)} s` : `${Math.round(minutes)} min`
  return [
    `## ${name}`,
    about,
    `    ${run.command}`,
    `${run.date}, commit ${run.commit}, ${took}; ${machineOf(run.machine)}`,
    tableOf(run.rows),
  ]
}

function machineOf({ cpus, model, memoryMiB, os, arch, node, loadBefore }: Machine): string {
  const busy = loadBefore > cpus * BUSY_LOAD_PER_CPU
  const load = busy ? `**the machine was busy: load ${loadBefore} before the run**` : 'quiet'
  return `${cpus} × ${model} (${arch}), ${Math.round(memoryMiB / 1024)} GB, ${os}, Node.js ${node}; ${load}.`
}

function tableOf(rows: readonly RecordedRow[]): string {
  const lines = rows.map(({ name, unit, ours, peer, theirs, ratio }) =>
    [name, figure(ours), unit, ratioOf(ratio), peer, figure(theirs, peer)]
      .map((cell) => cell.replaceAll('|', '\\|'))
      .join(' | '),
  )
  const head =
    '| what | ours | unit | × | peer | theirs |\n| --- | ---: | --- | ---: | --- | ---: |'
  return `${head}\n${lines.map((line) => `| ${line} |`).join('\n')}`
}

const ratioOf = (ratio: number | null): string =>
  ratio === null ? '' : ratio >= 100 ? figure(ratio) : ratio.toFixed(2)

/** Three digits that count, and no more than were measured; so near below 1, of what is missing to it. */
function figure(value: number | null, peer = 'ours'): string {
  if (value === null) return peer ? '—' : ''
  const size = Math.abs(value)
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.99 && size < 1 ? 4 : 2
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

function missingOf(missing: readonly Measurement[]): string {
  const lines = missing.map(({ name, command }) => `- ${name}: \`${command}\``)
  return `## Not recorded yet\n\n${lines.join('\n')}`
}
