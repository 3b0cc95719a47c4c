import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ROOT, tempDir } from '../../support/cli.ts'

const GUIDES = join(ROOT, 'deploy/guides')

/** The blocks marked `sh`, as they stand. */
function blocksOf(file: string): string[] {
  const text = readFileSync(join(GUIDES, file), 'utf8')
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block)
}

/** A folder with `milepost` in it, to be first on the PATH. */
function withCommand(t: TestContext): string {
  const bin = join(tempDir(t), 'bin')
  mkdirSync(bin)
  const tsx = join(ROOT, 'node_modules/tsx/dist/loader.mjs')
  const main = join(ROOT, 'agent/cli/main.ts')
  const script = `#!/bin/sh\nexec '${process.execPath}' --import 'file://${tsx}' '${main}' "$@"\n`
  writeFileSync(join(bin, 'milepost'), script, { mode: 0o755 })
  return bin
}

for (const guide of readdirSync(GUIDES).filter((file) => blocksOf(file).length > 0)) {
  test(`${guide}: every block that can run here runs as written`, async (t) => {
    const cwd = tempDir(t)
    const script = ['set -eux', ...blocksOf(guide)].join('\n')
    const shell = spawn('bash', ['-c', script], {
      cwd,
      detached: true,
      env: {
        ...process.env,
        PATH: `${withCommand(t)}:${process.env.PATH}`,
        MILEPOST_ROOT: ROOT,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.on('data', (chunk) => {
        said += chunk
      })
    }
    const [code] = await once(shell, 'exit')
    // What a guide leaves running in the background ends with it.
    try {
      process.kill(-(shell.pid ?? 0), 'SIGKILL')
    } catch {}
    assert.equal(code, 0, said.slice(-4000))
  })
}

test('there are guides with blocks to run', () => {
  assert.ok(readdirSync(GUIDES).flatMap(blocksOf).length >= 4)
})

test('every relative link of the guides leads somewhere', () => {
  for (const file of readdirSync(GUIDES)) {
    const text = readFileSync(join(GUIDES, file), 'utf8')
    for (const [, to] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      assert.doesNotThrow(() => readdirOrFile(join(GUIDES, to)), `${file}: ${to}`)
    }
  }
})

function readdirOrFile(path: string): void {
  try {
    readdirSync(path)
  } catch {
    readFileSync(path)
  }
}
