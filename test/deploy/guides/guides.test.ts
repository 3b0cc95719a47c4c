import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { blocksOf, GUIDES, guides, runBlocks } from './blocks.ts'

for (const guide of guides().filter((file) => blocksOf(file).length > 0)) {
  test(`${guide}: every block that can run here runs as written`, async (t) => {
    await runBlocks(t, blocksOf(guide))
  })
}

test('there are guides with blocks to run', () => {
  assert.ok(guides().flatMap((file) => blocksOf(file)).length >= 4)
})

test('every relative link of the guides leads somewhere', () => {
  for (const file of guides()) {
    const text = readFileSync(join(GUIDES, file), 'utf8')
    for (const [, to] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      assert.ok(existsSync(join(GUIDES, to)), `${file}: ${to}`)
    }
  }
})
