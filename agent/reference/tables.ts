import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { Agent } from '../agent.ts'
import { describe, type OperationDescription } from '../api/operations/status.ts'
import { parseConfig } from '../config/load.ts'
import { makeLogger } from '../log.ts'
import { METRICS } from '../metrics/metrics.ts'
import { PACKAGE_ROOT } from '../package-root.ts'

/** What the reference of this room is made of: taken from what runs, not from what was once written. */

export type { OperationDescription } from '../api/operations/status.ts'

/** Every operation of an agent in which every part is on, by path. */
export async function operationsReference(): Promise<OperationDescription[]> {
  const dir = await mkdtemp(join(tmpdir(), 'milepost-reference-'))
  const root = join(dir, 'root.json')
  await writeFile(root, '{}')
  const config = {
    vehicle: 'reference',
    dataDir: join(dir, 'data'),
    sensors: [{ id: 'car', kind: 'simulator', rateScale: 0.001 }],
    updates: { root },
  }
  const agent = await Agent.start(
    parseConfig(stringify(config), join(dir, 'milepost.yaml')),
    makeLogger('silent'),
  )
  try {
    return agent.operations().map(describe).sort(byPath)
  } finally {
    await agent.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

/** Every metric, in the order in which they are told. */
export function metricsReference(): { name: string; type: string; labels: string; help: string }[] {
  return METRICS.map(({ name, type, labels, help }) => ({
    name,
    type,
    labels: labels.join(', '),
    help,
  }))
}

/** The tables of the READMEs, by file. */
export async function referenceTables(): Promise<Record<string, string>> {
  const operations = (await operationsReference()).map(
    ({ method, path, role, summary, query, body }) => [
      `\`${method} ${path}\``,
      role,
      [...namesIn(query), ...namesIn(body)].map((name) => `\`${name}\``).join(' '),
      summary,
    ],
  )
  const metrics = metricsReference().map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels,
    help,
  ])
  return {
    'agent/api/README.md': table(['operation', 'role', 'takes', 'what it does'], operations),
    'agent/metrics/README.md': table(['metric', 'type', 'labels', 'what it tells'], metrics),
  }
}

const BEGIN = '<!-- made by npm run reference: begin -->'
const END = '<!-- made by npm run reference: end -->'

/** A README with its table replaced by the one given. */
export function withTable(readme: string, made: string): string {
  const from = readme.indexOf(BEGIN)
  const to = readme.indexOf(END)
  if (from < 0 || to < from) throw new RangeError('this README has no place for a table')
  return `${readme.slice(0, from + BEGIN.length)}\n\n${made}\n\n${readme.slice(to)}`
}

/** Writes the tables into the READMEs. */
export async function writeReference(): Promise<void> {
  for (const [file, made] of Object.entries(await referenceTables())) {
    const path = join(PACKAGE_ROOT, file)
    await writeFile(path, withTable(await readFile(path, 'utf8'), made))
  }
}

function byPath(a: OperationDescription, b: OperationDescription): number {
  return a.path.localeCompare(b.path) || a.method.localeCompare(b.method)
}

function namesIn(schema: unknown): string[] {
  return Object.keys((schema as { properties?: object } | undefined)?.properties ?? {})
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [
    line(head),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n')
}
