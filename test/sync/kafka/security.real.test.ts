import assert from 'node:assert/strict'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { createTopics } from '../../../sync/kafka/admin.ts'
import type { KafkaConnection } from '../../../sync/kafka/client.ts'
import { kafkajs } from '../../../sync/kafka/fence.ts'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { LANES } from '../../../sync/record.ts'
import { Authority } from '../../support/certificates.ts'
import { securedCentral, USER } from '../../support/secured-central.ts'
import { until } from '../../support/until.ts'
import { Side } from './agent-side.ts'
import { asAdmin, type Fleet, makeFleet, Records, readAll } from './support.ts'

const secured = await securedCentral()
const { central, dir } = secured

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs
const WRITE = [AclOperationTypes.WRITE, AclOperationTypes.DESCRIBE]
const READ = [AclOperationTypes.READ, AclOperationTypes.DESCRIBE]

/** Gives rights; resolves once the broker goes by them, which is a little after the controller's answer. */
function allow(resourceType: number, resourceName: string, operations: readonly number[]) {
  const what = { resourceType, resourceName, resourcePatternType: ResourcePatternTypes.LITERAL }
  const whom = { principal: `User:${USER.name}`, permissionType: AclPermissionTypes.ALLOW }
  return asAdmin(central, async (admin) => {
    await admin.createAcls({
      acl: operations.map((operation) => ({ ...what, ...whom, operation, host: '*' })),
    })
    const all = { ...what, ...whom, operation: AclOperationTypes.ANY }
    await until(`rights to ${resourceName}`, async () => {
      const { resources } = await admin.describeAcls(all)
      const told = resources.flatMap(({ acls }) => acls.map(({ operation }) => operation))
      return operations.every((operation) => told.includes(operation))
    })
  })
}

/** Exactly the rights that the README lists; `without` leaves one resource out. */
async function grant({ config, origin }: Fleet, without?: string): Promise<void> {
  const rights: [number, string, readonly number[]][] = [
    ...Object.values(config.topics).map((topic): [number, string, readonly number[]] => [
      AclResourceTypes.TOPIC,
      topic,
      [...WRITE, AclOperationTypes.READ],
    ]),
    [AclResourceTypes.TOPIC, config.checkpointTopic, READ],
    [AclResourceTypes.GROUP, `milepost.${origin.vehicle}`, [AclOperationTypes.READ]],
    [AclResourceTypes.TRANSACTIONAL_ID, origin.vehicle, WRITE],
  ]
  for (const [type, name, operations] of rights) {
    if (name !== without) await allow(type, name, operations)
  }
}

async function deliver(fleet: Fleet, connection: Partial<KafkaConnection>): Promise<void> {
  const uplink = createKafkaUplink({ ...fleet.config, ...connection })
  try {
    await uplink.open(fleet.origin)
    await uplink.send(new Records().take(5))
  } finally {
    await uplink.close()
  }
}

/** The failure of a delivery, which must not hold any secret of ours anywhere. */
async function failureOf(fleet: Fleet, connection: Partial<KafkaConnection>, secret?: string) {
  const error = await deliver(fleet, connection).then(
    () => undefined,
    (failure) => failure,
  )
  assert.ok(error, 'it was delivered')
  if (secret) assert.ok(!inspect(error, { depth: 20, showHidden: true }).includes(secret))
  return error as { code: string; message: string; hint: string }
}

async function file(name: string, text: string): Promise<{ file: string }> {
  const path = join(dir, name)
  await writeFile(path, text)
  return { file: path }
}

/** A token as the broker of the test takes it: unsigned (RFC 7519, §6). */
function token(subject: string, livesSec: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Date.now() / 1000
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now - 60, exp: now + livesSec })}.`
}

describe('a cluster that asks who we are', () => {
  const password = { username: USER.name } as const
  const tls = { ca: secured.authority.file, cert: secured.client.cert, key: secured.client.key }

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    test(`${mechanism}: delivers and reads back; a wrong secret is told, a renewed one is read`, async () => {
      const fleet = await makeFleet(central)
      await grant(fleet)
      const secret = await file(`${mechanism}.secret`, `${USER.password}x\n`)
      const connection: KafkaConnection = {
        brokers: [secured.sasl],
        sasl: { mechanism, ...password, password: secret },
      }
      const wrong = await failureOf(fleet, connection, USER.password)
      assert.equal(wrong.code, 'UPLINK_DENIED', wrong.message)
      assert.match(wrong.hint, /user and secret/)
      await file(`${mechanism}.secret`, `${USER.password}\n`)
      await deliver(fleet, connection)
      const read = await readAll({ ...connection, topic: fleet.config.topics.telemetry })
      assert.equal(read.length, 5)
    })
  }

  test('a secret from the environment; one that is not there is named', async () => {
    const fleet = await makeFleet(central)
    await grant(fleet)
    const connection: KafkaConnection = {
      brokers: [secured.sasl],
      sasl: { mechanism: 'plain', ...password, password: { env: 'MILEPOST_TEST_SECRET' } },
    }
    const missing = await failureOf(fleet, connection)
    assert.equal(missing.code, 'UPLINK_DENIED')
    assert.match(missing.message, /MILEPOST_TEST_SECRET/)
    process.env.MILEPOST_TEST_SECRET = USER.password
    await deliver(fleet, connection)
    delete process.env.MILEPOST_TEST_SECRET
  })

  test('oauthbearer: a token that has expired is told, the next one is read', async () => {
    const fleet = await makeFleet(central)
    await grant(fleet)
    const old = token(USER.name, -30)
    const connection: KafkaConnection = {
      brokers: [secured.sasl],
      sasl: { mechanism: 'oauthbearer', token: await file('token', old) },
    }
    const expired = await failureOf(fleet, connection, old)
    assert.equal(expired.code, 'UPLINK_DENIED', expired.message)
    await file('token', `${token(USER.name, 600)}\n`)
    await deliver(fleet, connection)
  })

  test('mutual TLS: delivers by certificate alone', async () => {
    const fleet = await makeFleet(central)
    await grant(fleet)
    await deliver(fleet, { brokers: [secured.mtls], tls })
    const connection = { brokers: [secured.mtls], tls }
    const read = await readAll({ ...connection, topic: fleet.config.topics.telemetry })
    assert.equal(read.length, 5)
  })

  test('mutual TLS: an expired certificate, of either side, and a stranger’s are each told', async () => {
    const fleet = await makeFleet(central)
    const ours = await secured.authority.sign('truck-expired', { days: -1 })
    const expired = await failureOf(fleet, {
      brokers: [secured.mtls],
      tls: { ...tls, cert: ours.cert, key: ours.key },
    })
    assert.match(expired.message + expired.hint, /certificate/i, expired.message)
    assert.match(expired.hint, /clock|renew/, expired.message)

    const theirs = await failureOf(fleet, { brokers: [secured.expiredTls], tls })
    assert.equal(theirs.code, 'UPLINK_OFFLINE')
    assert.match(theirs.hint, /clock/, theirs.message)

    const other = await Authority.make(dir, 'other')
    const stranger = await failureOf(fleet, {
      brokers: [secured.mtls],
      tls: { ...tls, ca: other.file },
    })
    assert.match(stranger.hint, /CA file/, stranger.message)

    const none = await failureOf(fleet, { brokers: [secured.mtls], tls: { ca: tls.ca } })
    assert.match(none.hint, /`cert` and `key`/, none.message)
  })

  test('each right that is missing is told, and given, it delivers', async () => {
    for (const what of ['topic', 'checkpoints', 'group', 'transactional id'] as const) {
      const fleet = await makeFleet(central)
      const { topics, checkpointTopic } = fleet.config
      const without = {
        topic: topics.telemetry,
        checkpoints: checkpointTopic,
        group: `milepost.${fleet.origin.vehicle}`,
        'transactional id': fleet.origin.vehicle,
      }[what]
      await grant(fleet, without)
      const connection = { brokers: [secured.mtls], tls }
      const denied = await failureOf(fleet, connection)
      const code = what === 'topic' ? 'UPLINK_TOPIC_DENIED' : 'UPLINK_DENIED'
      assert.equal(denied.code, code, `${what}: ${denied.message}`)
      assert.match(denied.hint, /README/, what)
      await grant(fleet)
      await deliver(fleet, connection)
    }
  })

  for (const rights of ['no right', 'Describe and not Write'] as const) {
    test(`${rights} on one topic: its lane waits and says so, the others go on`, async (t) => {
      const fleet = await makeFleet(central)
      const { events } = fleet.config.topics
      await grant(fleet, events)
      if (rights !== 'no right') {
        await allow(AclResourceTypes.TOPIC, events, [AclOperationTypes.DESCRIBE])
      }
      const config = { ...fleet.config, brokers: [secured.mtls], tls }
      const side = await Side.start(t, fleet.origin.vehicle, config)
      side.give(10)
      await side.drained(['critical', 'telemetry'])
      const blocked = await side.blockedFor('events')
      assert.equal(blocked.code, 'UPLINK_TOPIC_DENIED')
      assert.match(blocked.message, new RegExp(events))
      assert.match(blocked.hint!, /Write/)
      side.give(10)
      await side.drained(['critical', 'telemetry'])
      assert.equal(side.waiting('events'), 20)
      await grant(fleet)
      await side.drained(['events'])
      const read = await readAll({ ...config, topic: events })
      assert.equal(read.length, 20)
    })
  }

  test('a certificate that has expired is told in status; renewed, it is read and all arrives', async (t) => {
    const fleet = await makeFleet(central)
    await grant(fleet)
    const old = await secured.authority.sign('truck-old', { days: -1 })
    const [cert, key] = [join(dir, 'rotated.pem'), join(dir, 'rotated.key')]
    await copyFile(old.cert, cert)
    await copyFile(old.key, key)
    const config = { ...fleet.config, brokers: [secured.mtls], tls: { ...tls, cert, key } }
    const side = await Side.start(t, fleet.origin.vehicle, config)
    side.give(10)
    const told = await until('it is told', () => {
      const { state, lastError, nextRetryTimeUs } = side.sync.status().uplink
      return state === 'offline' && nextRetryTimeUs > 0 && lastError
    })
    assert.match(told.hint!, /clock|renew/, told.message)
    await copyFile(secured.client.cert, cert)
    await copyFile(secured.client.key, key)
    await side.drained(LANES)
  })

  test('making topics without the right to is denied', async () => {
    const topic = central.unique('forbidden')
    await assert.rejects(
      createTopics({ brokers: [secured.mtls], tls }, [{ topic, partitions: 1, config: {} }]),
      { code: 'UPLINK_DENIED' },
    )
  })
})
