import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { milepost } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'

test('what a hostile file says does not reach the terminal as control characters', async (t) => {
  const file = join(tempDir(t), 'milepost.yaml')
  writeFileSync(file, '"\\e]0;owned\\a\\e[2J": 1\n')
  const { code, stderr } = await milepost('run', '-c', file)
  assert.equal(code, 2)
  assert.match(stderr, /\\x1b\]0;owned\\x07\\x1b\[2J/)
  assert.doesNotMatch(stderr.replaceAll('\n', ''), /\p{Cc}/u)
})
