import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { withFileLock } from '../../../deploy/central/file-lock.ts'
import { until } from '../../support/until.ts'

describe('file lock', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'milepost-lock-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  test('one at a time, and the lock goes with the work, failed or not', async () => {
    const path = join(folder, 'made/on/the/way/lock')
    let inside = 0
    let done = 0
    const work = async () => {
      assert.equal(++inside, 1)
      assert.equal(await readFile(path, 'utf8'), String(process.pid))
      await sleep(5)
      inside--
      if (++done === 2) throw new Error('the second fails')
    }
    const results = await Promise.allSettled([1, 2, 3].map(() => withFileLock(path, work)))
    assert.equal(done, 3)
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 1)
    assert.equal(existsSync(path), false)
  })

  test('who waits is told for whom', async () => {
    const path = join(folder, 'told')
    const holders: number[] = []
    let waiting: Promise<void> | undefined
    await withFileLock(path, async () => {
      waiting = withFileLock(
        path,
        async () => {},
        (pid) => holders.push(pid),
      )
      while (holders.length === 0) await sleep(5)
    })
    await waiting
    assert.deepEqual(holders, [process.pid])
  })

  test('a holder that has not yet said who it is is told once it has', async () => {
    const path = join(folder, 'unsaid')
    await writeFile(path, '')
    const holders: number[] = []
    const waiting = withFileLock(
      path,
      async () => 'in',
      (pid) => holders.push(pid),
    )
    // Time for a look at the empty file.
    await sleep(50)
    await writeFile(path, String(process.pid))
    await until('the holder to be told', () => holders.length > 0)
    await rm(path)
    assert.equal(await waiting, 'in')
    assert.deepEqual(holders, [process.pid])
  })

  test('takes over from a process that died', async () => {
    const path = join(folder, 'dead')
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    await writeFile(path, String(pid))
    assert.equal(await withFileLock(path, async () => 'in'), 'in')
  })

  test('takes over from a silent holder, whose id may be another process by now', async () => {
    const path = join(folder, 'silent')
    await writeFile(path, String(process.pid))
    const longAgo = new Date(Date.now() - 3_600_000)
    await utimes(path, longAgo, longAgo)
    assert.equal(await withFileLock(path, async () => 'in'), 'in')
  })
})
