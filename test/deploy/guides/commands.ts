import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../support/cli.ts'
import { blocksOf, guides } from './blocks.ts'

/** What a line begins with that a person is meant to type. */
const TYPED =
  /^(?:sudo |milepost |npm |npx |node |curl |kubectl |mvn |cd |pytest |python3? |docker |podman |systemctl |apt(?:-get)? |git |openssl |dpkg |[A-Z_]+=|export |cat >)/

/** Folders that are made, not written, and the references, which are made from the code. */
const MADE = new Set(['node_modules', 'dist', 'target', 'reference'])

const isMade = (folder: string): boolean => folder.startsWith('.') || MADE.has(folder)

/** A block of commands, known by its page and its first line without the remark. */
export interface CommandBlock {
  readonly page: string
  readonly first: string
  readonly text: string
}

/** Pages that a reader follows: READMEs and guides. The references are made from the code. */
export function pages(): string[] {
  const walk = (folder: string): string[] =>
    readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return isMade(entry.name) ? [] : walk(path)
      return entry.name === 'README.md' ? [path] : []
    })
  return ['CONTRIBUTING.md', ...walk('.'), ...guides().map((guide) => `deploy/guides/${guide}`)]
}

/** Blocks of commands, fenced or indented, in the order of the page. */
export function commandBlocks(page: string): CommandBlock[] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const block = /^```([^\n]*)\n([\s\S]*?)^```$|(?<=\n\n)((?:^ {4}[^\n]*\n)+)/gm
  return [...text.matchAll(block)].flatMap(([, mark, fenced, indented]) => {
    const lines = fenced ?? indented.replace(/^ {4}/gm, '')
    const first = lines
      .split('\n')[0]
      .trim()
      .replace(/(?:\s+#| {2,}).*$/, '')
    // A picture may begin with the name of a command.
    if (/[┌│└]/.test(lines)) return []
    const isShell = mark !== undefined && /^(sh|bash|shell|console)\b/.test(mark)
    const isTyped = lines.split('\n').some((line) => TYPED.test(`${line.trim()} `))
    return isShell || isTyped ? [{ page, first, text: lines }] : []
  })
}

/** Blocks of READMEs that are run as written beside the guides, by their page and first line. */
export const RUN: readonly (readonly [page: string, first: string])[] = [
  ['models/README.md', 'milepost model show'],
  [
    'models/release/README.md',
    "export MILEPOST_RELEASE_REPOSITORY=repo MILEPOST_RELEASE_PASSPHRASE='a long one for trying'",
  ],
]

/** Whether the tests of this folder run it as written. */
export function isRun({ page, first, text }: CommandBlock): boolean {
  if (RUN.some(([where, line]) => where === page && line === first)) return true
  const guide = page.replace('deploy/guides/', '')
  if (!guides().includes(guide) || guide === page) return false
  return [...blocksOf(guide), ...blocksOf(guide, ' kafka')].includes(text)
}
