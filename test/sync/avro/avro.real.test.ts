import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import type { AvroPayloadConfig, AvroSchemaJson } from '../../../sync/avro/config.ts'
import type { HistoryRecord } from '../../../sync/kafka/history.ts'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import type { StoredRecord } from '../../../sync/record.ts'
import { useCentral } from '../../support/central.ts'
import { useRegistry } from '../../support/registry.ts'
import { type Fleet, makeFleet, Records, readAll } from '../kafka/support.ts'

const central = await useCentral()
const registry = await useRegistry()

/** A schema of a name that no other test has: a registry keeps what it was told. */
function schemaOf(name: string, ...more: object[]): AvroSchemaJson {
  const fields = [
    { name: 'speed', type: 'double' },
    { name: 'gear', type: ['null', 'int'], default: null },
  ]
  return { type: 'record', namespace: 'test', name, fields: [...fields, ...more] }
}

const uniqueName = (name: string) => central.unique(name).replaceAll('-', '_')

function payloadOf(schema: AvroSchemaJson, more: object = {}): AvroPayloadConfig {
  const schemas = { 'test.drive.v1': schema }
  return { format: 'avro', registry: { url: registry.url }, schemas, ...more }
}

function records(from: Records, ...contents: object[]): StoredRecord[] {
  return contents.map((content) =>
    from.next('telemetry', {
      ...{ type: 'test.drive.v1', payload: Buffer.from(JSON.stringify(content)) },
    }),
  )
}

async function send(fleet: Fleet, payload: AvroPayloadConfig, batch: readonly StoredRecord[]) {
  const uplink = createKafkaUplink({ ...fleet.config, payload })
  try {
    const reached = await uplink.open(fleet.origin)
    await uplink.send(batch)
    return { reached, warning: uplink.warning }
  } finally {
    await uplink.close()
  }
}

/** Another address of the registry, which can be taken away. */
async function wayTo(target: string) {
  const { hostname, port, pathname } = new URL(target)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const onward = connect(Number(port), hostname)
    for (const each of [socket, onward]) {
      sockets.add(each)
      each.on('error', () => {})
    }
    socket.pipe(onward).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const at = (server.address() as AddressInfo).port
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${at}${pathname}`, close }
}

/** What is on the topic, as it lies there and as JSON. */
async function onKafka({ config }: Fleet) {
  const options = { brokers: config.brokers, topic: config.topics.telemetry }
  const raw = await readAll(options)
  const asJson = await readAll({ ...options, registry: { url: registry.url } })
  return { raw, json: asJson.map(({ value }) => JSON.parse(String(value))) }
}

const idsOf = (raw: readonly HistoryRecord[]) => raw.map(({ value }) => value!.readUInt32BE(1))

test('records go out in the wire format, and come back as the JSON that they were', async () => {
  const fleet = await makeFleet(central)
  const given = [{ speed: 12.5 }, { speed: 0, gear: 3 }]
  await send(fleet, payloadOf(schemaOf(uniqueName('Drive'))), records(new Records(), ...given))
  const { raw, json } = await onKafka(fleet)
  assert.deepEqual(json, given)
  for (const { value, headers } of raw) {
    assert.equal(value![0], 0)
    assert.equal(String(headers['content-type']), 'application/vnd.confluent.avro')
  }
  // A reader that knows nothing of us.
  const stranger = new SchemaRegistry({ host: registry.url })
  assert.equal((await stranger.decode(raw[0].value!)).speed, 12.5)
})

test('a schema evolves: what both versions wrote is read side by side', async () => {
  const fleet = await makeFleet(central)
  const name = uniqueName('Drive')
  const source = new Records()
  await send(fleet, payloadOf(schemaOf(name)), records(source, { speed: 1 }))
  const wider = schemaOf(name, { name: 'load', type: 'double', default: 0 })
  await send(fleet, payloadOf(wider), records(source, { speed: 2, load: 7 }))
  const { raw, json } = await onKafka(fleet)
  assert.deepEqual(json, [{ speed: 1 }, { speed: 2, load: 7 }])
  assert.equal(new Set(idsOf(raw)).size, 2)
})

test('a schema that the registry refuses holds records back, with a hint; then they go on', async () => {
  const fleet = await makeFleet(central)
  const name = uniqueName('Drive')
  const source = new Records()
  await send(fleet, payloadOf(schemaOf(name)), records(source, { speed: 1 }))
  const waiting = records(source, { speed: 2, driver: 'a' })
  // A field without a default: nobody could read the older records with it.
  const wrong = schemaOf(name, { name: 'driver', type: 'string' })
  await assert.rejects(send(fleet, payloadOf(wrong), waiting), (error: Record<string, string>) => {
    assert.equal(error.code, 'UPLINK_SCHEMA')
    assert.match(error.hint, /versions/)
    return true
  })
  const right = schemaOf(name, { name: 'driver', type: 'string', default: '' })
  const { reached } = await send(fleet, payloadOf(right), waiting)
  assert.equal(reached.telemetry, 1)
  assert.deepEqual((await onKafka(fleet)).json, [{ speed: 1 }, { speed: 2, driver: 'a' }])
})

test('a registry that is down holds back only what it was never asked for', async () => {
  const fleet = await makeFleet(central)
  const source = new Records()
  const dead = { registry: { url: 'http://127.0.0.1:1', timeoutMs: 3_000 } }
  const payload = payloadOf(schemaOf(uniqueName('Drive')), dead)
  const batch = records(source, { speed: 1 })
  await assert.rejects(send(fleet, payload, batch), { code: 'UPLINK_REGISTRY' })
  assert.deepEqual((await onKafka(fleet)).json, [])
  const { url, close } = await wayTo(registry.url)
  const up = { ...payload, registry: { url } }
  await send(fleet, up, batch)
  await close()
  await send(fleet, up, records(source, { speed: 2 }))
  assert.deepEqual((await onKafka(fleet)).json, [{ speed: 1 }, { speed: 2 }])
})

test('what does not fit its schema goes out whole, in the envelope, and is told', async () => {
  const fleet = await makeFleet(central)
  const given = [{ speed: 1 }, { speed: 2, colour: 'red' }, { speed: 'fast' }, { speed: 4 }]
  const source = new Records()
  const batch = [
    ...records(source, ...given),
    source.next('telemetry', { type: 'test.unknown.v1', payload: Buffer.from('{"a":[1,null]}') }),
  ]
  const { warning } = await send(fleet, payloadOf(schemaOf(uniqueName('Drive'))), batch)
  assert.equal(warning?.code, 'UPLINK_SCHEMA')
  assert.match(warning.message, /^2 records .*record 3 of lane telemetry, at "speed"/)
  const { raw, json } = await onKafka(fleet)
  assert.deepEqual(json, [...given, { a: [1, null] }])
  assert.equal(new Set(idsOf(raw)).size, 2)
})

test('what is no JSON stays as it is', async () => {
  const fleet = await makeFleet(central)
  const bytes = Buffer.from([0, 1, 2, 255])
  const binary = new Records().next('telemetry', {
    ...{ contentType: 'application/octet-stream', payload: bytes },
  })
  await send(fleet, payloadOf(schemaOf(uniqueName('Drive'))), [binary])
  const [{ value }] = await readAll({
    ...{ brokers: fleet.config.brokers, topic: fleet.config.topics.telemetry },
    registry: { url: registry.url },
  })
  assert.deepEqual(value, bytes)
})
