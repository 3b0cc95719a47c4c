import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { ask } from '../../../agent/control/client.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { EventFiles, eventsDir } from '../../../agent/local/event-files.ts'
import { findEvent, listEvents } from '../../../agent/local/events.ts'
import { type Explanation, explain } from '../../../agent/local/explain.ts'
import { EVENT_FILE_BYTES, EVENT_FILES } from '../../../agent/local/limits.ts'
import { makeLogger } from '../../../agent/log.ts'
import { ROOT, writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

const ALL = { limit: 1000, whole: true }

function line(id: number, more: Record<string, unknown> = {}): string {
  const event = { id, lane: 'events', type: 'milepost.dtc.v1', timeUs: id * 1e6, content: {} }
  return `${JSON.stringify({ ...event, ...more })}\n`
}

test('events are listed the newest first, by type, time and page', async (t) => {
  const dir = tempDir(t)
  const files = new EventFiles(dir)
  await files.append(line(1) + line(2, { type: 'milepost.capture.v1' }) + line(3), 1)
  const ids = (query: object) => listEvents(dir, { ...ALL, ...query }).map(({ id }) => id)
  assert.deepEqual(ids({}), [3, 2, 1])
  assert.deepEqual(ids({ limit: 2 }), [3, 2])
  assert.deepEqual(ids({ beforeId: 2 }), [1])
  assert.deepEqual(ids({ type: 'capture' }), [2])
  assert.deepEqual(ids({ type: 'milepost.dtc.*' }), [3, 1])
  assert.deepEqual(ids({ fromUs: 2e6, toUs: 2.5e6 }), [2])
  assert.equal(findEvent(dir, 2)?.type, 'milepost.capture.v1')
  assert.equal(findEvent(dir, 9), undefined)
})

test('a torn tail and a damaged line cost themselves only, and numbers go on', async (t) => {
  const dir = tempDir(t)
  await new EventFiles(dir).append(line(1) + line(2), 1)
  const [name] = readdirSync(eventsDir(dir))
  appendFileSync(join(eventsDir(dir), name), line(3).slice(0, 20))
  const again = new EventFiles(dir)
  assert.equal(again.nextId, 3)
  await again.append(line(3), 3)
  const path = join(eventsDir(dir), name)
  writeFileSync(path, readFileSync(path, 'utf8').replace('"id":2', '"id":\u00002'))
  assert.deepEqual(
    listEvents(dir, ALL).map(({ id }) => id),
    [3, 1],
  )
})

test('files have a bound, the oldest goes first', async (t) => {
  const dir = tempDir(t)
  const files = new EventFiles(dir)
  const big = { content: { text: 'x'.repeat(EVENT_FILE_BYTES) } }
  for (let id = 1; id <= EVENT_FILES + 3; id++) await files.append(line(id, big), id)
  const names = readdirSync(eventsDir(dir))
  assert.equal(names.length, EVENT_FILES)
  const bytes = names.reduce((sum, name) => sum + statSync(join(eventsDir(dir), name)).size, 0)
  assert.ok(bytes < (EVENT_FILES + 1) * EVENT_FILE_BYTES)
  assert.equal(listEvents(dir, ALL).at(-1)?.id, 4)
})

test('an anomaly of a real drive is remembered and explained, also when the agent is gone', async (t) => {
  const config = loadConfig(
    writeConfig(tempDir(t), {
      sensors: [
        {
          id: 'sim',
          kind: 'simulator',
          seed: 3,
          speed: 20,
          timestamps: 'drive',
          faults: [{ kind: 'battery', atSec: 60 }],
        },
      ],
      buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
      models: [{ bundle: join(ROOT, 'models/bundles/simulator') }],
      campaigns: [{ id: 'around', signals: ['*'], on: 'anomaly', lane: 'events', capture: {} }],
    }),
  )
  const agent = await Agent.start(config, makeLogger('silent'))
  t.after(() => agent.stop())
  const socket = socketPath(config.dataDir)
  const [event] = await until('an anomaly', async () => {
    const found = await ask<{ id: number; summary: string }[]>(
      socket,
      'GET',
      '/events?type=inference',
    )
    return found.length > 0 && found
  })
  assert.match(event.summary, /anomaly begin: /)
  const told = await ask<Explanation>(socket, 'GET', `/explain?event=${event.id}`)
  assert.ok(told.contributors.length > 0)
  const [first] = told.contributors
  assert.ok(first.normal && first.normal.min < first.normal.max)
  assert.ok(first.verdict.length > 10)
  assert.match(told.because[0], /× its threshold/)
  await assert.rejects(ask(socket, 'GET', '/explain?event=99999'), { code: 'NOT_FOUND' })
  await agent.stop()
  const offline = findEvent(config.dataDir, event.id)
  assert.deepEqual(explain(offline!), told)
  const content = { ...offline!.content, event: 'end', ended: 'replaced', score: 8, threshold: 2 }
  assert.match(
    explain({ ...offline!, content }).because[0],
    /over because the model was replaced; .* last 4\.00 × its threshold/,
  )
  assert.equal(listEvents(config.dataDir, ALL).at(-1)?.type, 'milepost.agent.started.v1')
})
