import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { COMMAND, ROOT } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'

export const GUIDES = join(ROOT, 'deploy/guides')

/** The blocks marked `sh`, as they stand; with `kafka` those marked `sh kafka`, which need one. */
export function blocksOf(file: string, needs: '' | ' kafka' = ''): string[] {
  const text = readFileSync(join(GUIDES, file), 'utf8')
  const marked = new RegExp(`^\`\`\`sh${needs}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')
  return [...text.matchAll(marked)].map(([, block]) => block)
}

/** The guides, every one a page. */
export const guides = (): string[] => readdirSync(GUIDES).filter((file) => file.endsWith('.md'))

/** A folder with `milepost` in it, to be first on the PATH. */
function withCommand(t: TestContext): string {
  const bin = join(tempDir(t), 'bin')
  mkdirSync(bin)
  const words = [process.execPath, ...COMMAND].map((word) => `'${word}'`)
  const script = `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`
  writeFileSync(join(bin, 'milepost'), script, { mode: 0o755 })
  return bin
}

/**
 * Runs blocks in order as one script, in a folder that holds nothing but the named ones of the
 * checkout; fails where one of their commands does.
 */
export async function runBlocks(
  t: TestContext,
  blocks: readonly string[],
  env: Readonly<Record<string, string>> = {},
  folders: readonly string[] = [],
): Promise<string> {
  const cwd = tempDir(t)
  for (const folder of folders) symlinkSync(join(ROOT, folder), join(cwd, folder))
  const shell = spawn('bash', ['-c', ['set -eux', ...blocks].join('\n')], {
    cwd,
    detached: true,
    env: {
      ...process.env,
      PATH: `${withCommand(t)}:${process.env.PATH}`,
      MILEPOST_ROOT: ROOT,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk
    })
  }
  const closed = once(shell, 'close')
  const [code] = await once(shell, 'exit')
  // What a guide leaves running in the background ends with it: it may hold the pipes open.
  try {
    process.kill(-(shell.pid ?? 0), 'SIGKILL')
  } catch {
    // Nothing of it runs any more.
  }
  await closed
  assert.equal(code, 0, said.slice(-4000))
  return said
}
