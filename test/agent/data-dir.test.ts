import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { prepareDataDir } from '../../agent/data-dir.ts'
import { TYPESCRIPT } from '../support/typescript.ts'

const MODULE = pathToFileURL(join(import.meta.dirname, '../../agent/data-dir.ts')).href

test('A data folder is made with its parents, for this user and group only, and may be there already', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'milepost-data-dir-'))
  t.after(() => rmSync(root, { recursive: true }))
  const dataDir = join(root, 'a', 'b')
  prepareDataDir(dataDir)
  prepareDataDir(dataDir)
  assert.equal(statSync(dataDir).mode & 0o027, 0)
  writeFileSync(join(root, 'file'), '')
  for (const path of [join(root, 'file'), join(root, 'file', 'data')])
    assert.throws(() => prepareDataDir(path), { code: 'DATA_DIR_DENIED' })
})

test('A folder in which none can be made is told, not tried for ever', () => {
  const script = `import { prepareDataDir } from ${JSON.stringify(MODULE)}
    try { prepareDataDir('/proc/milepost/data') } catch (error) { console.log(error.code) }`
  const ended = spawnSync(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  assert.equal(ended.stdout.trim(), 'DATA_DIR_DENIED', ended.stderr || `ended by ${ended.signal}`)
})
