import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { reasonFailure } from '../../../sync/mqtt/failure.ts'
import { createMqttUplink, type MqttUplinkConfig } from '../../../sync/mqtt/mqtt-uplink.ts'
import { Relay } from '../../../sync/relay/relay.ts'
import { useMosquitto } from '../../support/mosquitto.ts'
import { Records } from '../kafka/support.ts'
import { until } from '../support.ts'
import { DEPOT_LINES } from './depot.ts'

const origin = { vehicle: 'truck-7', epoch: 'e1' }

/** A relay that no Kafka answers: what it takes stays in its store. */
function startRelay(t: TestContext, broker: MqttUplinkConfig, limits = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'milepost-relay-'))
  const relay = Relay.start({
    ...{ path: join(dir, 'relay.db'), name: 'depot', broker, kafka: { brokers: ['127.0.0.1:1'] } },
    limits: { groupCommitMs: 10, ...limits },
  })
  t.after(async () => {
    await relay.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return relay
}

test('TLS both ways and a password from a file; a wrong one is told as such', async (t) => {
  const login = { username: 'truck-7', password: 's3cret' }
  const broker = await useMosquitto({ tls: 'mutual', login, lines: DEPOT_LINES })
  const secret = join(broker.dir, 'secret')
  writeFileSync(secret, 's3cret\n')
  const config: MqttUplinkConfig = {
    url: broker.url,
    username: login.username,
    password: { file: secret },
    tls: broker.files,
  }
  const relay = startRelay(t, config)
  const uplink = createMqttUplink(config)
  await uplink.open(origin)
  await uplink.send(new Records().take(20))
  await uplink.close()
  assert.equal(relay.status().counts.kept, 20)

  writeFileSync(secret, 'wrong')
  const refused = createMqttUplink(config)
  await assert.rejects(refused.open(origin), { code: 'UPLINK_DENIED' })
  await refused.close()
  const { cert, key } = broker.files!
  const distrustful = createMqttUplink({ ...config, tls: { cert, key } })
  await assert.rejects(distrustful.open(origin), { code: 'UPLINK_OFFLINE', message: /TLS/ })
  await distrustful.close()
  const missing = createMqttUplink({ ...config, password: { env: 'MILEPOST_TEST_NOT_THERE' } })
  await assert.rejects(missing.open(origin), { code: 'UPLINK_DENIED', message: /NOT_THERE/ })
  await missing.close()
})

test('where no relay listens nothing counts as sent', async () => {
  const { url } = await useMosquitto()
  const uplink = createMqttUplink({ url, openTimeoutMs: 3_000 })
  await assert.rejects(uplink.open(origin), { code: 'UPLINK_OFFLINE', message: /No relay/ })
  await uplink.close()
})

// A broker of MQTT 5 says SESSION TAKEN OVER, which is UPLINK_FENCED; Mosquitto 2.0.11 only hangs up.
test('a second device of the same name ends the first one’s connection', async (t) => {
  const { url } = await useMosquitto()
  startRelay(t, { url })
  const first = createMqttUplink({ url })
  await first.open(origin)
  const second = createMqttUplink({ url })
  await second.open(origin)
  await assert.rejects(
    (async () => {
      const records = new Records()
      for (;;) await first.send(records.take(1))
    })(),
    ({ code }) => code === 'UPLINK_FENCED' || code === 'UPLINK_OFFLINE',
  )
  await first.close()
  await second.close()
})

test('a session that was taken over is told as such', () => {
  assert.equal(reasonFailure('mqtt://depot:1883', 0x8e, 'Disconnected').code, 'UPLINK_FENCED')
})

test('a name with wildcards never gets to a broker', async () => {
  for (const vehicle of ['', 'a/b', '+', 'truck#', '$SYS', 'a\0']) {
    const uplink = createMqttUplink({ url: 'mqtt://127.0.0.1:1' })
    await assert.rejects(uplink.open({ vehicle, epoch: 'e' }), { code: 'UPLINK_DENIED' })
    await uplink.close()
  }
})

test('a record too large for broker or relay is the record’s fault', async (t) => {
  const { url } = await useMosquitto({ lines: [...DEPOT_LINES, 'max_packet_size 60000'] })
  const relay = startRelay(t, { url }, { maxRecordBytes: 20_000 })
  await until('live', () => relay.status().state === 'live')
  const uplink = createMqttUplink({ url })
  await uplink.open(origin)
  const records = new Records()
  const large = records.take(1, 'events', { payload: Buffer.alloc(30_000) })
  await assert.rejects(uplink.send(large), { code: 'UPLINK_REJECTED' })
  await uplink.send(records.take(1, 'telemetry'))
  await uplink.close()
  assert.equal(relay.status().counts.kept, 1)
})

test('a broker that is killed in the middle loses nothing that counted', async (t) => {
  const broker = await useMosquitto({ lines: DEPOT_LINES })
  const relay = startRelay(t, { url: broker.url })
  const records = new Records().take(600)
  const first = createMqttUplink({ url: broker.url })
  await first.open(origin)
  const sending = first.send(records).then(
    () => {},
    ({ code }) => assert.equal(code, 'UPLINK_OFFLINE'),
  )
  await until('some', () => relay.status().counts.kept > 0)
  await broker.kill()
  await sending
  await first.close()
  await broker.restart()
  await until('live again', () => relay.status().state === 'live')
  const second = createMqttUplink({ url: broker.url })
  const { telemetry } = await second.open(origin)
  assert.equal(telemetry, relay.status().counts.kept)
  await second.send(records.slice(telemetry))
  await second.close()
  const { counts, waiting } = relay.status()
  assert.deepEqual([counts.kept, counts.gaps, waiting.telemetry], [600, 0, 600])
})

test('a receive maximum of the broker is kept to', async (t) => {
  const { url } = await useMosquitto({ lines: ['max_inflight_messages 3'] })
  const relay = startRelay(t, { url })
  await until('live', () => relay.status().state === 'live')
  const uplink = createMqttUplink({ url })
  await uplink.open(origin)
  await uplink.send(new Records().take(500))
  await uplink.close()
  assert.equal(relay.status().counts.kept, 500)
})
