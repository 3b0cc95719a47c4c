import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { listObjects } from '../../../deploy/central/object-store.ts'
import { tempDir } from '../../support/temp-dir.ts'

const KEPT = { key: join('kept-1', '0001.log'), bytes: 3 }

/** A topic's folder with partitions of one segment each. */
function write(bucket: string, topic: string, partitions: number): void {
  for (let n = 0; n < partitions; n++) {
    mkdirSync(join(bucket, topic, `${n}`), { recursive: true })
    writeFileSync(join(bucket, topic, `${n}`, '0002.log'), 'x')
  }
}

test('objects that go while they are listed are not there, and the others are', async (t) => {
  const bucket = tempDir(t)
  mkdirSync(join(bucket, 'kept-1'))
  writeFileSync(join(bucket, KEPT.key), 'abc')
  writeFileSync(join(bucket, 'kept-1', '0002.log-0a1b2c3d-1111-2222-3333-0a1b2c3d4e5f'), 'half')
  for (let round = 0; round < 20; round++) {
    write(bucket, 'gone-2', 40)
    const listing = listObjects(bucket)
    // At another moment of the listing in each round.
    for (let turn = 0; turn < round; turn++) await new Promise(setImmediate)
    rmSync(join(bucket, 'gone-2'), { recursive: true })
    const found = await listing
    assert.deepEqual(found.at(-1), KEPT)
    assert.ok(found.slice(0, -1).every(({ key }) => key.startsWith('gone-2')))
  }
  assert.deepEqual(await listObjects(bucket), [KEPT])
  assert.deepEqual(await listObjects(join(bucket, 'none')), [])
})
