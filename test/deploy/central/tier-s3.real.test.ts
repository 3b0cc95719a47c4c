import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runMaven } from '../../../deploy/central/artifacts.ts'
import { CENTRAL_HOME } from '../../../deploy/central/home.ts'
import { findMaven } from '../../../deploy/central/toolchain.ts'

/** The plugin's own tests are in Java, beside it: against the S3 server, over a link that breaks. */
describe('the S3 plugin', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'milepost-tier-s3-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  test('passes its JUnit tests', async () => {
    await cp(CENTRAL_HOME, folder, { recursive: true, filter: (path) => !/\/target$/.test(path) })
    await runMaven(
      await findMaven(console.error),
      folder,
      ['test', '-pl', 'tier-s3', '-am'],
      () => {},
    )
    const reports = join(folder, 'tier-s3/target/surefire-reports')
    const summaries = (await readdir(reports)).filter((name) => name.endsWith('.txt'))
    let count = 0
    for (const name of summaries) {
      const counts = /Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+)/.exec(
        await readFile(join(reports, name), 'utf8'),
      )
      assert.ok(counts, name)
      count += Number(counts[1])
      assert.deepEqual(counts.slice(2).map(Number), [0, 0, 0], name)
    }
    console.log(`${count} JUnit tests passed`)
    assert.ok(count > 0)
  })
})
