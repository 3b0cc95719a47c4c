import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { TYPESCRIPT } from '../support/typescript.ts'
import { CAR_SENSOR } from './bundles.ts'

const OPEN = new URL('../../models/runtime/open.ts', import.meta.url).href
const LOAD = new URL('../../models/bundle/load.ts', import.meta.url).href

/** Opens the bundle in a process of its own; tells how many files of TensorFlow.js it had to load. */
function filesOfTensorFlow(runtime: string): number {
  const program = `
    import { createRequire } from 'node:module'
    const { openNetwork } = await import(${JSON.stringify(OPEN)})
    const { loadBundle } = await import(${JSON.stringify(LOAD)})
    await openNetwork(loadBundle(${JSON.stringify(CAR_SENSOR)}), ${JSON.stringify(runtime)})
    const { cache } = createRequire(import.meta.url)
    console.log(Object.keys(cache).filter((file) => file.includes('@tensorflow')).length)`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...TYPESCRIPT, '--input-type=module', '-e', program],
    { encoding: 'utf8' },
  )
  assert.match(stdout, /^\d+\n$/, stderr)
  return Number(stdout)
}

test('a compiled bundle never loads TensorFlow.js', () => {
  assert.ok(filesOfTensorFlow('tfjs-cpu') > 0, 'the count would be seen if there were one')
  assert.equal(filesOfTensorFlow('compiled'), 0)
})
