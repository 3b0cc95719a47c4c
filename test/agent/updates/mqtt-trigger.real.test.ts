import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectAsync } from 'mqtt'
import { makeLogger } from '../../../agent/log.ts'
import { MqttTrigger } from '../../../agent/updates/mqtt-trigger.ts'
import { startMosquitto } from '../../support/mosquitto.ts'
import { until } from '../../support/until.ts'
import { Fleet, TestVehicle } from './fleet.ts'

const TOPIC = 'milepost/updates'

test('a retained message makes a vehicle look, also one that was away when it was sent', async (t) => {
  const broker = await startMosquitto()
  t.after(() => broker.close())
  const fleet = await Fleet.make(t)
  const one = fleet.variant('one')
  const vehicle = await new TestVehicle(t, fleet, {
    updates: { mqtt: { url: broker.url } },
  }).start()
  await until('the look of the start', () => vehicle.status().lastGoodUs !== undefined)
  await until('the subscription', () => vehicle.status().mqtt === 'live')
  const desk = await connectAsync(broker.url)
  t.after(() => desk.endAsync())
  await fleet.release('1', one.dir)
  await desk.publishAsync(TOPIC, 'release 1', { qos: 1, retain: true })
  await vehicle.step('good')
  assert.equal(vehicle.status().lastLook?.why, 'mqtt')

  let calls = 0
  const late = new MqttTrigger(
    { connection: { url: broker.url }, topic: TOPIC, vehicle: 'late', minIntervalMs: 0 },
    makeLogger('silent'),
    () => calls++,
  )
  t.after(() => late.stop())
  await until('the retained message', () => calls === 1)
  // The same again is no news, and neither is a message that was taken away.
  await desk.publishAsync(TOPIC, 'release 1', { qos: 1, retain: true })
  await desk.publishAsync(TOPIC, '', { qos: 1, retain: true })
  await desk.publishAsync(TOPIC, 'release 2', { qos: 1 })
  await until('the next message', () => calls === 2)
  assert.equal(late.messages, 2)
})
