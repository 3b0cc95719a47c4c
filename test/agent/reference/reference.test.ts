import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pages } from '../../../agent/reference/pages.ts'
import { ROOT } from '../../support/cli.ts'

test('the reference is what the code says', async () => {
  for (const [name, text] of await pages()) {
    const there = readFileSync(join(ROOT, 'agent/reference', name), 'utf8')
    assert.equal(there, text, `agent/reference/${name} is out of date: npm run reference`)
  }
})
