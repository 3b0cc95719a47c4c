import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../support/cli.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const scripts: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts

/** Each command, and what its help says; a test of its own holds the reference current. */
const helps = new Map(
  read('agent/reference/cli.md')
    .split(/^## milepost /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0], section] as const),
)

/** The longest command that these words begin with; none where it stops short of a subcommand. */
function commandOf(words: readonly string[]): string | undefined {
  const names = [3, 2, 1].map((count) => words.slice(0, count).join(' '))
  const command = names.find((name) => helps.has(name))
  const next = words[command?.split(' ').length ?? 0]
  const hasMore = [...helps.keys()].some((name) => name.startsWith(`${command} `))
  return hasMore && /^[a-z]/.test(next ?? '') ? undefined : command
}

function unknownInLine(line: string): string[] {
  const script = /\bnpm run ([\w:]+)/.exec(line)?.[1]
  if (script && !(script in scripts)) return [script]
  const call = /(?:^|sudo |&& )(?:milepost|npx tsx agent\/cli\/main\.ts) ([^|>&]*)/.exec(line)?.[1]
  if (!call) return []
  const words = call.trim().split(/\s+/)
  const command = commandOf(words)
  if (!command) return [words.slice(0, 2).join(' ')]
  const options = words.filter((word) => /^--\w/.test(word)).map((word) => word.split('=')[0])
  // Some help is the parent's: `milepost buffer` tells what each of its commands takes.
  const help = `${helps.get(command)}${helps.get(command.split(' ')[0])}`
  return options
    .filter((option) => !new RegExp(`${option}(?![\\w-])`).test(help))
    .map((option) => `${command} ${option}`)
}

/** Commands, options and npm scripts of a block that do not exist. */
export function unknownIn(block: string): string[] {
  const lines = block.replaceAll('\\\n', ' ').split('\n')
  return lines.flatMap((line) => unknownInLine(line.replace(/\s#.*/, '').trim()))
}
