import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeDiverged } from '../../../agent/demo/bad-model.ts'
import { milepostTopics } from '../../../deploy/central/topics.ts'
import { packBundle } from '../../../models/bundle/archive.ts'
import { loadBundle } from '../../../models/bundle/load.ts'
import { useCentral } from '../../support/central.ts'
import { milepost } from '../../support/cli.ts'
import { until } from '../../support/until.ts'
import { Fleet, TestVehicle } from '../updates/fleet.ts'

const central = await useCentral()

test('one good release goes to all by its stages, a bad one is taken back from its canary', async (t) => {
  const prefix = central.unique('rollout')
  await central.createTopics(
    milepostTopics('demo').map((spec) => ({
      ...spec,
      topic: spec.topic.replace(/^milepost/, prefix),
    })),
  )
  const fleet = await Fleet.make(t)
  const names = ['a', 'b'].map((name) => central.unique(name))
  const uplink = {
    kind: 'kafka',
    brokers: [central.bootstrap],
    checkpointTopic: `${prefix}.checkpoints`,
    topics: Object.fromEntries(
      ['critical', 'events', 'telemetry'].map((lane) => [lane, `${prefix}.${lane}`]),
    ),
  }
  const vehicles = names.map((vehicle) => new TestVehicle(t, fleet, { more: { vehicle, uplink } }))
  const [canary, other] = fleet.byPlace(names)
  const vehicleOf = (name: string) => vehicles[names.indexOf(name)]
  for (const vehicle of vehicles) await vehicle.start()

  const watch = async () => {
    const { stdout, stderr, code } = await milepost(
      ...['rollout', 'watch', 'bundle', 'simulator', '--once', '--json', '--max-failed', '0'],
      ...[
        '-r',
        fleet.folder,
        '-k',
        join(fleet.dir, 'keys'),
        '--passphrase-file',
        fleet.passphrases,
      ],
      ...['--brokers', central.bootstrap, '--topic', `${prefix}.critical`],
    )
    assert.ok(stdout, stderr)
    return { code, ...JSON.parse(stdout) }
  }
  const good = fleet.variant('good')
  await fleet.staged('1', await packBundle(good.dir), names)
  for (const vehicle of vehicles) await vehicle.look()
  await vehicleOf(canary).step('good')
  assert.equal((await vehicleOf(other).look()).releases, 0)
  const first = await until('the next stage', async () => {
    const look = await watch()
    return look.decision.is === 'advance' && look
  })
  assert.deepEqual([first.stage, first.count.vehicles, first.count.good], ['canary', 1, 1])
  await vehicleOf(other).look()
  await vehicleOf(other).step('good')
  const last = await until('the end', async () => {
    const look = await watch()
    return look.decision.is === 'done' && look
  })
  assert.deepEqual([last.stage, last.count.good, last.code], ['all', 2, 0])

  const bad = writeDiverged(join(fleet.dir, 'bad'), loadBundle(good.dir))
  await fleet.staged('2', await packBundle(bad.dir), names)
  for (const vehicle of vehicles) await vehicle.look()
  await vehicleOf(canary).step('back', 'bundle/simulator/2.tar')
  const back = await until('the end of the bad one', async () => {
    const look = await watch()
    return look.decision.is === 'abort' && look
  })
  assert.match(back.decision.reason, /no number for/)
  assert.equal(back.code, 1)
  const [rollout] = await fleet.repository.rollouts()
  assert.deepEqual([rollout.entry.state, rollout.entry.percent], ['aborted', 0])
  assert.equal((await watch()).decision.is, 'over')
  for (const vehicle of vehicles) {
    await vehicle.look()
    assert.equal(vehicle.running.hash, good.hash)
  }
})
