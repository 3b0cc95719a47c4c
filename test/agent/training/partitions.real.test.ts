import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notesOf } from '../../../agent/training/notes.ts'
import { HistoryRows } from '../../../agent/training/rows.ts'
import { parseRecipe } from '../../../models/training/recipe.ts'
import { useCentral } from '../../support/central.ts'
import { addPartitions } from '../../sync/kafka/support.ts'
import { collectDrive, type FleetRecords, openTopic, RECIPE, stored } from './fleet.ts'

const central = await useCentral()
const brokers = [central.bootstrap]
const { features } = parseRecipe(RECIPE)
const VEHICLES = 6
const SECONDS = 60

/** Times of each vehicle's rows in the order in which they come, and what was read. */
async function timesOf(topic: string) {
  const history = new HistoryRows({ brokers, topic }, features)
  const times = new Map<string, number[]>()
  for await (const { rows } of history.steps()) {
    for (let i = 0; i < rows.count; i++) {
      const known = times.get(rows.vehicle[i])
      if (known) known.push(rows.timeUs[i])
      else times.set(rows.vehicle[i], [rows.timeUs[i]])
    }
  }
  return { times, history }
}

test('partitions were raised: no vehicle goes back in time, and what is left out is told', async () => {
  const drives = new Map(
    Array.from({ length: VEHICLES }, (_, i) => [
      central.unique('truck'),
      collectDrive(90 + i, SECONDS),
    ]),
  )
  const part = (from: number, to?: number): FleetRecords =>
    new Map([...drives].map(([vehicle, drive]) => [vehicle, stored(drive.slice(from, to))]))
  const half = SECONDS / 2
  const { topic, send } = await openTopic(central, 1)
  await send(part(0, half))
  await addPartitions(central, [topic], 12)
  // An epoch stays where it began; a vehicle that got a new outbox goes where its name says now.
  await send(part(half))

  const { times, history } = await timesOf(topic)
  const { log } = history
  assert.equal(times.size, VEHICLES)
  const moved = [...drives].filter(([vehicle]) => times.get(vehicle)!.length < half + 5)
  // One in twelve stays where it was: of six vehicles all of them in a run in 2,985,984.
  assert.ok(moved.length > 0, 'a vehicle has moved')
  const newer = moved.reduce((sum, [, drive]) => sum + drive.length - half, 0)
  assert.equal(log.counts.elsewhere, newer, 'the newer half of each that moved')
  assert.deepEqual([log.counts.late, log.counts.gaps], [0, 0])
  for (const [vehicle, list] of times) {
    assert.deepEqual(
      list,
      [...list].sort((a, b) => a - b),
      `${vehicle} in order`,
    )
  }
  const notes = notesOf(features.inputs, {
    log: log.counts,
    features: history.features.counts,
    skippedBy: history.features.skippedBy,
    problems: history.features.problems,
    unheard: history.features.unheard,
    ranges: [],
    byTime: false,
  })
  assert.match(notes.join('\n'), new RegExp(`${newer} records were left out: an earlier partition`))
})
