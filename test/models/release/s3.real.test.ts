import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { BUCKET, startObjectStore } from '../../../deploy/central/object-store.ts'
import { freePort } from '../../../deploy/central/ports.ts'
import { prepare } from '../../../deploy/central/prepare.ts'
import { checkRepository } from '../../../models/release/repository/check.ts'
import { initRepository } from '../../../models/release/repository/init.ts'
import { KeyRing } from '../../../models/release/repository/keys.ts'
import { Repository } from '../../../models/release/repository/repository.ts'
import { S3Source, S3Store } from '../../../models/release/source/s3.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { makeVehicle, PASSPHRASE } from './desk.ts'

const code = (error: unknown) => (error as { code?: string }).code

describe('releases in a real S3 server', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'milepost-release-s3-'))
  const credentials = { accessKeyId: 'milepost', secretAccessKey: randomBytes(12).toString('hex') }
  let endpoint = ''
  let server: Awaited<ReturnType<typeof startObjectStore>> | undefined

  before(async () => {
    mkdirSync(join(dataDir, 'logs'))
    const { java, artifacts } = await prepare(() => {})
    const port = await freePort()
    server = await startObjectStore({
      java,
      artifacts,
      dataDir,
      port,
      accessKey: credentials.accessKeyId,
      secretKey: credentials.secretAccessKey,
    })
    endpoint = `http://127.0.0.1:${port}`
  })

  after(async () => {
    await server?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })

  test('init, publish, rollout, and a vehicle that reads it and resumes', async (t) => {
    const url = `s3://${BUCKET}/releases/${randomBytes(4).toString('hex')}`
    const config = { endpoint, credentials }
    const store = new S3Store(url, config)
    t.after(() => store.close())
    const keysDir = join(tempDir(t), 'keys')
    const keys = await KeyRing.open(keysDir, async () => PASSPHRASE)
    await initRepository({ store, keys })
    await assert.rejects(
      initRepository({ store, keys }),
      (error) => code(error) === 'RELEASE_REPOSITORY',
    )
    const repository = new Repository({ store, keys })
    const bytes = randomBytes(3_000_000)
    await repository.add('bundle', 'engine', '1', bytes)
    await repository.publish()
    await repository.start('bundle', 'engine', { version: '1' })

    const root = readFileSync(join(keysDir, 'root.json'))
    const source = new S3Source(url, config)
    t.after(() => source.close())
    const { client, dir } = makeVehicle(t, { folder: '', root }, { source })
    const [engine] = (await client.refresh()).releases
    mkdirSync(join(dir, 'partial'), { recursive: true })
    writeFileSync(join(dir, 'partial', engine.sha256), bytes.subarray(0, 1_000_000))
    let first: number | undefined
    const path = await client.download(engine, undefined, (progress) => {
      first ??= progress.bytes
    })
    assert.equal(first, 1_000_000)
    assert.deepEqual(readFileSync(path), bytes)

    const report = await checkRepository({
      source,
      trustedRoot: root,
      workDir: tempDir(t),
      vehicle: 'truck-17',
      withReleases: true,
    })
    assert.deepEqual(report.problems, [])
    await repository.abort('bundle', 'engine', 'too hot')
    assert.deepEqual((await client.refresh()).releases, [])
  })

  test('what is not there, and who may not: told apart', async (t) => {
    const missing = new S3Source(`s3://${BUCKET}/nothing`, { endpoint, credentials })
    const signal = new AbortController().signal
    await assert.rejects(
      missing.open('metadata/timestamp.json', { signal }),
      (error) => code(error) === 'RELEASE_MISSING',
    )
    const stranger = new S3Source(`s3://${BUCKET}/nothing`, {
      endpoint,
      credentials: { ...credentials, secretAccessKey: 'wrong' },
    })
    await assert.rejects(
      stranger.open('metadata/timestamp.json', { signal }),
      (error) =>
        code(error) === 'RELEASE_SOURCE' &&
        /credentials/.test(String(Reflect.get(error as object, 'hint'))),
    )
    t.after(() => Promise.all([missing.close(), stranger.close()]))
  })
})
