import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { operationsReference, referenceTables, withTable } from '../../../agent/reference/tables.ts'
import { ROOT } from '../../support/cli.ts'

test('the tables of operations and metrics are what runs: else "npm run reference"', async () => {
  for (const [file, made] of Object.entries(await referenceTables())) {
    const readme = readFileSync(join(ROOT, file), 'utf8')
    assert.equal(readme, withTable(readme, made), file)
  }
})

test('every operation is told with its parameters, every change is a POST', async () => {
  const operations = await operationsReference()
  const paths = operations.map(({ path }) => path)
  for (const path of [
    '/status',
    '/history',
    '/updates',
    '/dtc',
    '/bundle',
    '/metrics',
    '/healthz',
  ]) {
    assert.ok(paths.includes(path), path)
  }
  for (const { method, role, summary } of operations) {
    assert.ok(summary.length > 10)
    if (role === 'operate') assert.equal(method, 'POST')
  }
})
