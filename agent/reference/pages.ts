import type { Command } from 'commander'
import { z } from 'zod'
import { SENSOR_KINDS } from '../../sensors/registry.ts'
import { COMMANDS } from '../cli/commands.ts'
import { configSchema } from '../config/schema.ts'
import { saidIn } from './sources.ts'

const MADE = '<!-- Made from the code by `npm run reference`; a test compares the two. -->\n'

/** Every page of the reference, by its file's name. */
export async function pages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['cli.md', await cliPage()],
    ['config.md', configPage()],
    ['errors.md', errorsPage()],
    ['records.md', recordsPage()],
  ])
}

async function cliPage(): Promise<string> {
  const parts = [`${MADE}\n# Command line\n`]
  for (const [name, [what, load]] of Object.entries(COMMANDS)) {
    const command = (await load()).description(what)
    for (const [path, each] of allOf(command, `milepost ${name}`)) {
      parts.push(`## ${path}\n\n${indent(helpOf(each, path))}\n`)
    }
  }
  return parts.join('\n')
}

function* allOf(command: Command, path: string): Generator<[string, Command]> {
  yield [path, command]
  for (const child of command.commands) yield* allOf(child, `${path} ${child.name()}`)
}

/** The help as a terminal of 100 columns shows it. */
function helpOf(command: Command, path: string): string {
  let text = ''
  command.configureOutput({
    writeOut: (chunk) => {
      text += chunk
    },
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  const usage = new RegExp(`^Usage: .*?\\b${command.name()}`)
  return text.replace(usage, `Usage: ${path}`).trim()
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, '    ')

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly additionalProperties?: Schema | boolean
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly required?: readonly string[]
}

function schemaOf(type: z.ZodType): Schema {
  return z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema
}

function configPage(): string {
  const parts = [
    `${MADE}\n# Config\n\nKeys of \`milepost.yaml\`. What they mean stands in the README of their room.\n`,
    table(rowsOf(schemaOf(configSchema), '')),
  ]
  for (const { kind, config } of SENSOR_KINDS) {
    parts.push(`## Sensor \`${kind}\`\n`, table(rowsOf(schemaOf(config), '')))
  }
  return parts.join('\n')
}

function* rowsOf(schema: Schema, path: string): Generator<string[]> {
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    const at = path ? `${path}.${key}` : key
    const needed = schema.required?.includes(key) && value.default === undefined
    yield [
      `\`${at}\``,
      wordOf(value),
      value.default === undefined
        ? needed
          ? 'required'
          : ''
        : `\`${JSON.stringify(value.default)}\``,
    ]
    yield* below(value, at)
  }
}

function* below(value: Schema, at: string): Generator<string[]> {
  yield* rowsOf(value, at)
  if (value.items) yield* below(value.items, `${at}[]`)
  if (typeof value.additionalProperties === 'object') {
    yield* below(value.additionalProperties, `${at}.*`)
  }
  for (const way of [...(value.anyOf ?? []), ...(value.oneOf ?? [])]) yield* below(way, at)
}

/** The type of a value in few words. */
function wordOf(value: Schema): string {
  if (value.const !== undefined) return `\`${JSON.stringify(value.const)}\``
  if (value.enum) return value.enum.map((each) => `\`${JSON.stringify(each)}\``).join(', ')
  const ways = value.anyOf ?? value.oneOf
  if (ways) return [...new Set(ways.map(wordOf))].join(' or ')
  if (value.items) return `list of ${wordOf(value.items)}`
  const low = value.minimum ?? value.exclusiveMinimum
  const high = value.maximum === Number.MAX_SAFE_INTEGER ? undefined : value.maximum
  const bounds =
    low !== undefined && high !== undefined
      ? `, ${low} to ${high}`
      : low !== undefined && low !== Number.MIN_SAFE_INTEGER
        ? `, from ${low}`
        : ''
  return `${value.type ?? 'any'}${bounds}`
}

function table(rows: Iterable<string[]>): string {
  const seen = new Set<string>()
  const lines = ['| key | type | default |', '| --- | --- | --- |']
  for (const row of rows) {
    const line = `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
    if (!seen.has(line)) lines.push(line)
    seen.add(line)
  }
  return `${lines.join('\n')}\n`
}

function errorsPage(): string {
  const codes = saidIn(/new (?:\w*Error)\(\s*'([A-Z][A-Z0-9_]{3,})'/g)
  const rows = [...codes].map(
    ([code, files]) => `| \`${code}\` | ${files.map((f) => `\`${f}\``).join(', ')} |`,
  )
  return `${MADE}
# Error codes

Each error has a code, a message, and mostly a hint of what to do next. Where it comes from:

| code | in |
| --- | --- |
${rows.join('\n')}
`
}

function recordsPage(): string {
  const types = saidIn(/'(milepost\.[a-z.-]+\.v\d+)'/g)
  const rows = [...types].map(
    ([type, files]) => `| \`${type}\` | ${files.map((f) => `\`${f}\``).join(', ')} |`,
  )
  return `${MADE}
# Records

The CloudEvents \`type\` of a record (header \`ce_type\`), and where it is made or read. Headers and keys are
those of [sync/kafka](../../sync/kafka/README.md).

| type | in |
| --- | --- |
${rows.join('\n')}
`
}
