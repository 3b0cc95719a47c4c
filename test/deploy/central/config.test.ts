import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { startCentral } from '../../../deploy/central/central.ts'
import { CENTRAL_HOME } from '../../../deploy/central/home.ts'
import { freePort, isFree } from '../../../deploy/central/ports.ts'
import { readState, writeState } from '../../../deploy/central/state.ts'
import { fill } from '../../../deploy/central/template.ts'
import { tierProperties } from '../../../deploy/central/tier.ts'
import { findJava, findMaven } from '../../../deploy/central/toolchain.ts'
import { milepostTopics } from '../../../deploy/central/topics.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'

/** As it stands in a properties file. */
const slot = (name: string) => ['$', '{', name, '}'].join('')

describe('properties', () => {
  test('known names are filled in, unknown ones stay, and a backslash stays one', () => {
    const values = { port: 9092, 's3.bucket': 'b', dir: 'C:\\data' }
    assert.equal(
      fill(['port', 's3.bucket', 'dir', 'other'].map(slot).join(' '), values),
      `9092 b C:\\\\data ${slot('other')}`,
    )
  })

  test('nothing is left to fill in in any of our files', async () => {
    const names = ['jars', 'dataDir', 'tierDir']
    const s3 = ['endpoint', 'region', 'bucket', 'accessKey', 'secretKey'].map(
      (name) => `s3.${name}`,
    )
    const values = Object.fromEntries([...names, ...s3].map((name) => [name, 'x']))
    const aiven = { properties: join(CENTRAL_HOME, 'aiven.properties') }
    for (const tier of ['s3', 'local', aiven] as const) {
      const settings = (await tierProperties(tier, values)).replaceAll(/^#.*$/gm, '')
      assert.match(settings, /^remote\.log\.storage\.manager\.class\.name=\S+$/m)
      assert.doesNotMatch(settings, /\$\{/)
    }
    const broker = await readFile(join(CENTRAL_HOME, 'broker.properties'), 'utf8')
    const settings = fill(broker, { kafkaPort: 1, controllerPort: 2, logDir: '/d' })
    assert.doesNotMatch(settings.replaceAll(/^#.*$/gm, ''), /\$\{/)
  })

  test('a file that is not there is named', async () => {
    const properties = '/nowhere/plugin.properties'
    await assert.rejects(tierProperties({ properties }, {}), {
      name: 'CentralError',
      code: 'TIER_CONFIG',
      message: /\/nowhere\/plugin\.properties/,
      hint: /--tier/,
    })
  })
})

describe('topics', () => {
  test('history is tiered; status and checkpoints are not', () => {
    for (const profile of ['default', 'demo'] as const) {
      const topics = new Map(milepostTopics(profile, 7).map((topic) => [topic.topic, topic]))
      for (const lane of ['critical', 'events', 'telemetry']) {
        const topic = topics.get(`milepost.${lane}`)!
        assert.equal(topic.partitions, 7)
        assert.equal(topic.config['remote.storage.enable'], 'true')
        const remoteMs = Number(topic.config['retention.ms'])
        const localMs = Number(topic.config['local.retention.ms'])
        assert.ok(localMs > 0 && (remoteMs === -1 || remoteMs > localMs), lane)
      }
      assert.deepEqual(topics.get('milepost.status')!.config, { 'cleanup.policy': 'compact' })
      assert.equal(topics.get('milepost.checkpoints')!.partitions, 3)
    }
  })
})

describe('data directory', () => {
  let dataDir: string
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'milepost-state-'))
  })
  afterEach(() => rm(dataDir, { recursive: true, force: true }))

  test('keeps identity, keys and ports, for its owner only', async () => {
    const made = await readState(dataDir)
    assert.match(made.clusterId, /^\w[\w-]{21}$/)
    assert.notEqual((await readState(dataDir)).secretKey, made.secretKey)
    await writeState(dataDir, { ...made, kafkaPort: 4711 })
    assert.deepEqual(await readState(dataDir), { ...made, kafkaPort: 4711 })
    assert.equal((await stat(join(dataDir, 'central.json'))).mode & 0o777, 0o600)
  })

  test('a place where no folder can be made is refused at once, before anything is fetched', () => {
    const place = process.platform === 'linux' ? '/proc/milepost/central' : '/dev/null/central'
    const main = join(CENTRAL_HOME, 'main.ts')
    const { status, stderr, signal } = spawnSync(
      process.execPath,
      [...TYPESCRIPT, main, '--data-dir', place],
      {
        encoding: 'utf8',
        env: { ...process.env, MILEPOST_CACHE: join(dataDir, 'cache') },
        timeout: 120_000,
        killSignal: 'SIGKILL',
      },
    )
    assert.equal(signal, null, stderr)
    assert.equal(status, 1, stderr)
    assert.match(stderr, /DATA_DIR_DENIED.*\/central[\s\S]*--data-dir FOLDER/)
    assert.equal(existsSync(join(dataDir, 'cache')), false)
  })

  test('a remembered port is kept where it is free, else another is found', async () => {
    const port = await freePort()
    const server = createServer().listen(port, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    assert.equal(await isFree(port), false)
    assert.notEqual(await freePort(port), port)
    await new Promise((resolve) => server.close(resolve))
    assert.equal(await freePort(port), port)
  })
})

describe('without Java', () => {
  const before_ = { PATH: process.env.PATH, JAVA_HOME: process.env.JAVA_HOME }
  let empty: string
  before(async () => {
    empty = await mkdtemp(join(tmpdir(), 'milepost-no-java-'))
    // Nothing to find and, as root too, nothing to install it with.
    process.env.PATH = empty
    delete process.env.JAVA_HOME
  })
  after(async () => {
    Object.assign(process.env, before_)
    if (before_.JAVA_HOME === undefined) delete process.env.JAVA_HOME
    await rm(empty, { recursive: true, force: true })
  })

  test('says what is missing and how to get it', async () => {
    const missing = {
      name: 'CentralError',
      code: 'JAVA_MISSING',
      message: /Java 17/,
      hint: /JDK 17|brew/,
    }
    await assert.rejects(
      findJava(() => {}),
      missing,
    )
    await assert.rejects(
      findMaven(() => {}),
      missing,
    )
    await assert.rejects(startCentral({ dataDir: join(empty, 'data') }), missing)
  })
})
