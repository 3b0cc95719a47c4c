import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FolderSource } from '../../../models/release/source/folder.ts'
import { tempDir } from '../../support/temp-dir.ts'

for (const moment of ['before the opening is done', 'between the opening and the first byte']) {
  test(`stopped ${moment}, only who reads is told`, async (t) => {
    const folder = tempDir(t)
    writeFileSync(join(folder, 'file'), 'bytes')
    const stopped = new AbortController()
    const opening = new FolderSource(folder).open('file', { signal: stopped.signal })
    if (moment.startsWith('between')) await opening
    stopped.abort()
    // An error that nobody heard would end this process while it waits.
    await sleep(20)
    await assert.rejects(async () => {
      for await (const _ of (await opening).bytes) assert.fail('nothing is read any more')
    }, /abort/)
  })
}
