import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { placeOf } from '../../../models/release/place.ts'
import { makeDesk, makeVehicle, release } from './desk.ts'

test('what is added, published and rolled out comes to a vehicle, byte for byte', async (t) => {
  const desk = await makeDesk(t)
  const { client } = makeVehicle(t, desk)
  assert.deepEqual((await client.refresh()).releases, [])
  await release(desk, '1', Buffer.from('first'))
  const plan = await client.refresh()
  assert.equal(plan.releases.length, 1)
  const [engine] = plan.releases
  assert.equal(engine.path, 'bundle/engine/1.tar')
  assert.deepEqual(plan.refused, [])
  const path = await client.download(engine)
  assert.equal(readFileSync(path, 'utf8'), 'first')
  assert.equal(await client.stored(engine.sha256), path)
  assert.deepEqual(await client.plan(), plan)
})

test('stages: a canary, all, and taken back', async (t) => {
  const desk = await makeDesk(t)
  await release(desk, '1')
  await desk.repository.add('bundle', 'engine', '2', Buffer.from('2'))
  await desk.repository.publish()
  const stages = [
    { name: 'canary', percent: 10 },
    { name: 'all', percent: 100 },
  ]
  await desk.repository.start('bundle', 'engine', { version: '2', stages, seed: 'x' })
  const fleet = Array.from({ length: 40 }, (_, number) => `truck-${number}`)
  const has = async () => {
    const versions: Record<string, string> = {}
    for (const vehicle of fleet) {
      const { client } = makeVehicle(t, desk, { vehicle })
      versions[vehicle] = (await client.refresh()).releases[0].version
    }
    return versions
  }
  const canary = await has()
  for (const vehicle of fleet) {
    assert.equal(canary[vehicle], placeOf(vehicle, 'x') < 1_000 ? '2' : '1', vehicle)
  }
  assert.ok(new Set(Object.values(canary)).size === 2)
  await desk.repository.advance('bundle', 'engine')
  assert.deepEqual(new Set(Object.values(await has())), new Set(['2']))
  await desk.repository.abort('bundle', 'engine', 'too many crashes')
  assert.deepEqual(new Set(Object.values(await has())), new Set(['1']))
})
