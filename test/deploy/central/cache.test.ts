import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pruneCache } from '../../../deploy/central/cache.ts'

const DAY_MS = 24 * 3_600_000

test('the cache keeps the versions in use and the last few, and forgets the rest whole', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'milepost-cache-'))
  const put = async (name: string, unusedDays: number, folder = true) => {
    const path = join(cache, name)
    if (folder) await mkdir(join(path, 'broker'), { recursive: true })
    else await writeFile(path, '')
    const used = new Date(Date.now() - unusedDays * DAY_MS)
    await utimes(path, used, used)
  }
  const hash = (digit: string) => digit.repeat(16)
  try {
    for (const [digit, days] of [
      ['1', 0],
      ['2', 1],
      ['3', 2],
      ['4', 3],
      ['5', 4],
      ['6', 30],
      ['7', 40],
    ] as const) {
      await put(hash(digit), days)
    }
    await put(`${hash('6')}.abcd1234.jsa`, 31, false)
    await put(`${hash('7')}.4711`, 41)
    await put('lock', 99, false)
    await pruneCache(cache)
    assert.deepEqual((await readdir(cache)).sort(), [
      ...['1', '2', '3', '4', '5'].map(hash),
      'lock',
    ])
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
})
