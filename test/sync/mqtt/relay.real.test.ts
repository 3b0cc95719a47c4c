import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import mqtt from 'mqtt'
import { createMqttUplink } from '../../../sync/mqtt/mqtt-uplink.ts'
import { propertiesOf, topicsOf } from '../../../sync/mqtt/wire.ts'
import type { Origin, StoredRecord } from '../../../sync/record.ts'
import { Relay } from '../../../sync/relay/relay.ts'
import { RelayStore } from '../../../sync/relay/store.ts'
import { useCentral } from '../../support/central.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { laneOf, Records } from '../kafka/support.ts'
import { until } from '../support.ts'
import { auditOf, complete, type Depot, makeDepot } from './depot.ts'

const central = await useCentral()

const delivered = (relay: Relay) => {
  const { waiting, counts } = relay.status()
  return counts.kept > 0 && waiting.critical + waiting.events + waiting.telemetry === 0
}

function take(records: Records, count: number, from = 1): StoredRecord[] {
  return Array.from({ length: count }, (_, n) => records.next(laneOf(from + n)))
}

function uplinkTo({ config }: Depot) {
  return createMqttUplink({ ...config.broker, openTimeoutMs: 30_000 })
}

async function publish(
  depot: Depot,
  origin: Origin,
  records: readonly StoredRecord[],
  after: number[],
) {
  const client = await mqtt.connectAsync(depot.broker.url, { protocolVersion: 5 })
  for (const [n, record] of records.entries()) {
    const userProperties = propertiesOf({ origin, record, after: after[n], run: 'by-hand' })
    const topic = topicsOf('milepost', origin.vehicle).records(record.lane)
    await client.publishAsync(topic, Buffer.from(record.payload), {
      ...{ qos: 1, properties: { contentType: record.contentType, userProperties } },
    })
  }
  await client.endAsync()
}

test('records of several vehicles come to Kafka under their own names, once and in order', async (t) => {
  const depot = await makeDepot(central)
  const relay = Relay.start(depot.config)
  t.after(() => relay.close())
  const origins = ['bus-1', 'bus-2', 'bus-3'].map((vehicle) => ({ vehicle, epoch: `e-${vehicle}` }))
  await Promise.all(
    origins.map(async (origin) => {
      const uplink = uplinkTo(depot)
      const records = new Records()
      assert.deepEqual(await uplink.open(origin), { critical: 0, events: 0, telemetry: 0 })
      await uplink.send(take(records, 300))
      await uplink.send(take(records, 200, 301))
      await uplink.close()
    }),
  )
  await until('all forwarded', () => delivered(relay))
  assert.deepEqual(
    await auditOf(depot.fleet, 1500),
    origins.map((origin) => complete(origin, 500)),
  )
  assert.equal(relay.status().counts.gaps, 0)
})

test('a vehicle learns on opening how far it got, and what it sends again is dropped', async (t) => {
  const depot = await makeDepot(central)
  const relay = Relay.start(depot.config)
  t.after(() => relay.close())
  const origin = { vehicle: 'van-1', epoch: 'e1' }
  const records = take(new Records(), 100)
  const first = uplinkTo(depot)
  await first.open(origin)
  await first.send(records)
  await first.close()
  const second = uplinkTo(depot)
  const reached = await second.open(origin)
  await second.close()
  const last = (lane: string) => records.findLast((record) => record.lane === lane)!.seq
  assert.deepEqual(reached, {
    critical: last('critical'),
    events: last('events'),
    telemetry: last('telemetry'),
  })
  const telemetry = records.filter(({ lane }) => lane === 'telemetry')
  await publish(
    depot,
    origin,
    telemetry,
    telemetry.map(({ prev }) => prev),
  )
  await until('seen again', () => relay.status().counts.duplicates === telemetry.length)
  await until('all forwarded', () => delivered(relay))
  assert.deepEqual(await auditOf(depot.fleet, 100), [complete(origin, 100)])
})

test('a record that comes before an earlier one is refused until that one is here', async (t) => {
  const depot = await makeDepot(central)
  const relay = Relay.start(depot.config)
  t.after(() => relay.close())
  await until('live', () => relay.status().state === 'live')
  const origin = { vehicle: 'van-2', epoch: 'e1' }
  const [one, two, three, four] = new Records().take(4)
  await publish(depot, origin, [one, three, four], [0, two.seq, three.seq])
  await until('refused', () => relay.status().counts.refused === 2)
  assert.equal(relay.status().counts.kept, 1)
  // The sender evicted the second: nothing lies between, and it says so.
  await publish(depot, origin, [three, four], [one.seq, three.seq])
  await until('kept', () => relay.status().counts.kept === 3)
  assert.equal(relay.status().counts.gaps, 1)
})

test('nonsense is dropped and counted; it blocks nothing, and nobody speaks in another’s name', async (t) => {
  const depot = await makeDepot(central)
  const relay = Relay.start({ ...depot.config, limits: { ...depot.config.limits, maxVehicles: 1 } })
  t.after(() => relay.close())
  await until('live', () => relay.status().state === 'live')
  const client = await mqtt.connectAsync(depot.broker.url, { protocolVersion: 5 })
  const [record] = new Records().take(1)
  const origin = { vehicle: 'honest', epoch: 'e1' }
  const good = propertiesOf({ origin, record, after: 0, run: 'r' })
  const send = (topic: string, userProperties: Record<string, string>) =>
    client.publishAsync(topic, '{}', { qos: 1, properties: { userProperties } })
  const home = 'milepost/records/honest/telemetry'
  await send('milepost/records/thief/telemetry', good)
  await send(home, { nobody: 'knows' })
  // prev, after, timeUs, monoUs, clock, type, boot, run.
  const words = good.mp.split(' ')
  const withWord = (n: number, text: string) => ({ ...good, mp: words.with(n, text).join(' ') })
  for (const properties of [
    { ...good, id: 'honest/e1/-1' },
    { ...good, id: 'honest/e1/1e999' },
    { ...good, id: `honest/${'x'.repeat(1000)}/1` },
    withWord(0, '5'),
    withWord(1, 'x'),
    withWord(2, ''),
    withWord(4, 'noon'),
    withWord(6, '%'),
  ]) {
    await send(home, properties)
  }
  await send('milepost/records/honest/nowhere', good)
  await client.publishAsync('milepost/ask/honest', 'not json', { qos: 1 })
  await client.endAsync()
  const uplink = uplinkTo(depot)
  await uplink.open(origin)
  await uplink.send([record])
  await uplink.close()
  const { counts } = relay.status()
  assert.equal(counts.invalid, 12)
  assert.equal(counts.kept, 1)
  const second = uplinkTo(depot)
  await second.open({ vehicle: 'one-too-many', epoch: 'e' })
  await assert.rejects(second.send(new Records().take(1)), { code: 'UPLINK_REJECTED' })
  await second.close()
})

test('a full store takes nothing more and loses nothing; with room again it goes on', async (t) => {
  const depot = await makeDepot(central)
  // No Kafka answers there, so the store only fills.
  const limits = { ...depot.config.limits, maxBytes: 10 * 2 ** 20 }
  const cut = {
    ...depot.config,
    limits,
    kafka: { ...depot.config.kafka, brokers: ['127.0.0.1:1'] },
  }
  const full = Relay.start(cut)
  const origin = { vehicle: 'truck-full', epoch: 'e1' }
  const records = new Records().take(80, 'telemetry', { payload: Buffer.alloc(50_000, 'x') })
  // What a slow machine cannot take in one send is sent again, from where the relay is.
  do {
    const uplink = createMqttUplink({ ...depot.config.broker, sendTimeoutMs: 3_000 })
    const at = await uplink.open(origin)
    const rest = records.filter(({ seq }) => seq > at.telemetry)
    await assert.rejects(uplink.send(rest), { code: 'UPLINK_OFFLINE' })
    await uplink.close()
  } while (full.status().state !== 'full')
  assert.equal(full.status().lastError?.code, 'OUTBOX_FULL')
  await full.close()
  const relay = Relay.start({ ...depot.config, limits })
  t.after(() => relay.close())
  for (let sent = 0; sent < 80; ) {
    const again = uplinkTo(depot)
    sent = (await again.open(origin)).telemetry
    await again.send(records.filter(({ seq }) => seq > sent)).catch(() => {})
    await again.close()
  }
  await until('all forwarded', () => delivered(relay))
  assert.deepEqual(await auditOf(depot.fleet, 80), [complete(origin, 80)])
})

const KILLS = Number(process.env.MILEPOST_TEST_KILLS ?? 4)

test(`the relay is killed ${KILLS} times under load: nothing lost, duplicated or out of order`, async (t) => {
  const depot = await makeDepot(central)
  const origins = Array.from({ length: 8 }, (_, n) => ({ vehicle: `car-${n}`, epoch: `e${n}` }))
  const perVehicle = 1_500
  let open = true
  let relay = spawnRelay(depot)
  t.after(() => relay.kill('SIGKILL'))
  const killing = (async () => {
    for (let kill = 0; kill < KILLS && open; kill++) {
      await once(relay.stdout!, 'data')
      await new Promise((resolve) => setTimeout(resolve, 200 + 150 * kill))
      relay.kill('SIGKILL')
      await once(relay, 'exit')
      relay = spawnRelay(depot)
    }
  })()
  await Promise.all(origins.map((origin) => drive(depot, origin, perVehicle)))
  open = false
  await killing
  const ended = once(relay, 'exit')
  relay.kill('SIGKILL')
  await ended
  const last = Relay.start(depot.config)
  t.after(() => last.close())
  await until('all forwarded', () => {
    const { waiting, forward } = last.status()
    return forward.state === 'live' && waiting.critical + waiting.events + waiting.telemetry === 0
  })
  assert.deepEqual(
    await auditOf(depot.fleet, origins.length * perVehicle),
    origins.map((origin) => complete(origin, perVehicle)),
  )
})

function spawnRelay({ config }: Depot): ChildProcess {
  const script = new URL('./relay-process.ts', import.meta.url).pathname
  return spawn(process.execPath, [...TYPESCRIPT, script, JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Sends as the pump does: from the position that the relay names, anew after each failure. */
async function drive(depot: Depot, origin: Origin, count: number): Promise<void> {
  const records = take(new Records(), count)
  for (;;) {
    const uplink = createMqttUplink({ ...depot.config.broker, sendTimeoutMs: 2_000 })
    try {
      const at = await uplink.open(origin)
      const rest = records.filter(({ lane, seq }) => seq > at[lane])
      if (rest.length === 0) return
      for (let n = 0; n < rest.length; n += 100) {
        await uplink.send(rest.slice(n, n + 100))
        await new Promise((resolve) => setTimeout(resolve, 40))
      }
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'UPLINK_OFFLINE', String(error))
    } finally {
      await uplink.close()
    }
  }
}

test('positions outlive the relay’s file being opened by nobody', async () => {
  const depot = await makeDepot(central)
  const relay = Relay.start(depot.config)
  const origin = { vehicle: 'van-9', epoch: 'e1' }
  const uplink = uplinkTo(depot)
  await uplink.open(origin)
  await uplink.send(new Records().take(10))
  await uplink.close()
  await relay.close()
  const store = RelayStore.open(depot.config.path)
  assert.equal(store.positions(origin).telemetry, 10)
  store.close()
})
