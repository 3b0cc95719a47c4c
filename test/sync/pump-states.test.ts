import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outbox } from '../../sync/outbox/outbox.ts'
import { tempDir } from '../support/temp-dir.ts'
import { pumpOf, started } from './pump-support.ts'
import { Remote } from './remote.ts'
import { openOutbox, readAll, record, until } from './support.ts'

test('offline, fenced and live are said, with the reason and the next try', async (t) => {
  const remote = new Remote()
  remote.up = false
  const { pump } = started(t, remote, { minRetryMs: 20, maxRetryMs: 40, fencedRetryMs: 50 })
  await until('offline', () => pump.status().state === 'offline' && remote.opens > 2)
  assert.equal(pump.status().lastError?.code, 'UPLINK_OFFLINE')
  assert.equal(pump.status().lastError?.hint, 'Wait.')
  await until('a next try is named', () => pump.status().nextRetryTimeUs > 0)
  remote.fenced = true
  await until('fenced', () => pump.status().state === 'fenced')
  remote.fenced = false
  remote.up = true
  await until('live', () => pump.status().state === 'live')
})

test('paused it sends nothing, resumed it goes on', async (t) => {
  const remote = new Remote()
  const { outbox, pump } = started(t, remote)
  await until('live', () => pump.status().state === 'live')
  pump.pause()
  await until('off', () => pump.status().state === 'off')
  outbox.append([record('critical', 'x')])
  pump.notify()
  await sleep(30)
  assert.equal(remote.log.length, 0)
  pump.resume()
  await until('sent', () => remote.log.length === 1)
})

test('a fault of the outbox is told, and the pump waits for it to come back', async (t) => {
  const remote = new Remote()
  const first = openOutbox(t, { path: join(tempDir(t), 'o.db') })
  let current: Outbox | undefined = first
  const pump = pumpOf(t, () => current, remote)
  await until('live', () => pump.status().state === 'live')
  first.append([record('events', 'x')])
  first.close()
  pump.notify()
  await until('told', () => pump.faults.includes('OUTBOX_CLOSED'))
  current = undefined
  pump.notify()
  await until('offline', () => pump.status().state === 'offline')
  current = openOutbox(t, { path: first.path })
  pump.notify()
  await until('sent', () => remote.log.length === 1)
})

test('closing hands over what waits, but not for longer than it may', async (t) => {
  const remote = new Remote()
  const { outbox, pump } = started(t, remote)
  await until('live', () => pump.status().state === 'live')
  outbox.append(Array.from({ length: 4000 }, () => record('telemetry', 'x')))
  await pump.close(60_000)
  assert.equal(remote.log.length, 4000)
  assert.equal(readAll(outbox).length, 0)
  const stuck = new Remote()
  stuck.barrier = new Promise(() => {})
  const other = started(t, stuck)
  other.outbox.append([record('events', 'x')])
  other.pump.notify()
  await until('sending', () => stuck.sends === 1)
  await other.pump.close(10)
  assert.equal(other.outbox.read('events', 0, 9, 1e6).length, 1)
})
