import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask } from '../../agent/control/client.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../agent/status.ts'
import { randomOf } from '../../models/training/random.ts'
import { Outbox } from '../../sync/outbox/outbox.ts'
import { Milepost, ROOT, writeConfig } from '../support/cli.ts'
import { growDisk, smallDisk, takeAll } from '../support/small-disk.ts'
import { tempDir } from '../support/temp-dir.ts'
import { until } from '../support/until.ts'
import { ledgerOf, makeOlder, openOutbox, readAll, record, remembers } from '../sync/support.ts'
import { FileImage, type Op, opsOf, spawnTraced } from './disk-image.ts'

const FILES = ['o.db', 'o.db-wal']
const SEED = 20261126

/** An outbox as an older milepost left it: so many events wait in it. */
function older(path: string, vehicle: string, events: number): void {
  const outbox = Outbox.open({ path, vehicle, bootId: 'b' })
  outbox.append(Array.from({ length: events }, (_, i) => record('events', `${i + 1}`)))
  outbox.close()
  makeOlder(path)
}

test('killed, or without power, at each write of the first step on an older outbox: nothing is lost', async (t) => {
  if (process.platform !== 'linux') {
    t.diagnostic('1 case not tried: the trace is taken by LD_PRELOAD, which is Linux’s')
    return
  }
  const folder = tempDir(t)
  const work = join(folder, 'work')
  mkdirSync(work)
  older(join(work, 'o.db'), 'v1', 10)
  const before = readFileSync(join(work, 'o.db'))
  const upgrade = join(import.meta.dirname, 'upgrade-outbox.ts')
  const { child, trace } = spawnTraced(folder, work, [upgrade, join(work, 'o.db')])
  await once(child, 'close')
  const ops = opsOf(readFileSync(trace))
  const images = new Map([
    ['o.db', new FileImage(before)],
    ['o.db-wal', new FileImage()],
  ])
  const random = randomOf(SEED)
  const seen = { before: 0, after: 0 }
  for (const [number, op] of ops.entries()) {
    images.get(op.name)?.do(op)
    for (const cut of ['afterKill', 'afterPowerCut'] as const) {
      const cutFolder = join(folder, `${cut}-${number}`)
      mkdirSync(cutFolder)
      for (const name of FILES) {
        writeFileSync(join(cutFolder, name), images.get(name)![cut](random))
      }
      seen[opened(join(cutFolder, 'o.db'), `${cut} ${number}`, ops.slice(0, number + 1))]++
      rmSync(cutFolder, { recursive: true })
    }
  }
  t.diagnostic(`${ops.length} operations: ${seen.before} found as before, ${seen.after} as after`)
  assert.ok(seen.before > 0 && seen.after > 0)
})

/** Opens what is left, and lets it go on; answers on which side of the first step it was found. */
function opened(path: string, what: string, ops: readonly Op[]): 'before' | 'after' {
  const said = ops.some(({ name }) => name === 'said')
  const outbox = Outbox.open({ path, vehicle: 'v1', bootId: 'c' })
  try {
    assert.equal(outbox.quarantined, undefined, `${what}: the file is corrupt`)
    const after = outbox.deliveredSeq('events') === 4
    const seqs = readAll(outbox).map(({ seq }) => seq)
    assert.deepEqual(seqs, after ? [5, 6, 7, 8, 9, 10] : [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], what)
    assert.ok(after || !said, `${what}: what was said to be done is not`)
    outbox.release({ critical: 0, events: 6, telemetry: 0 })
    assert.deepEqual(outbox.append([record('critical', 'on')]), { first: 11, last: 11 })
    return after ? 'after' : 'before'
  } finally {
    outbox.close()
    assert.ok(remembers(path), what)
  }
}

test('an agent whose disk is full at its first start on an older outbox says so, and goes on with room', async (t) => {
  const disk = smallDisk(t, 32 * 1024)
  if (!disk) return
  const config = writeConfig(disk, {
    sensors: [{ id: 'sim', kind: 'simulator' }],
    buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
    campaigns: [{ id: 'alarm', signals: ['Engine.*'], sampleEveryMs: 100, lane: 'critical' }],
    outbox: { maxMiB: 8, reserveMiB: 1 },
  })
  const data = join(disk, 'data')
  const path = join(data, 'outbox.db')
  mkdirSync(data)
  older(path, 'test-1', 10)
  takeAll(disk)
  const agent = new Milepost(['run', '-c', config])
  t.after(() => agent.child.kill('SIGKILL'))
  const seen = (what: string, holds: (now: AgentStatus) => boolean) =>
    until(what, async () => {
      assert.equal(agent.child.exitCode, null, `the agent ended:\n${agent.stderr}`)
      const now = await ask<AgentStatus>(socketPath(data), 'GET', '/status').catch(() => undefined)
      return now !== undefined && holds(now)
    })
  await seen('it is disk-full', ({ sync }) => sync?.outbox.state === 'disk-full')
  await seen('the code is told', ({ sync }) => sync?.outbox.lastError?.code === 'OUTBOX_FULL')
  await seen('what waited is there', ({ sync }) => sync?.lanes.events.records === 10)
  let frames = 0
  await seen('its status', ({ decode }) => (frames = decode?.frames ?? 0) > 0)
  await seen('the bus is read', ({ decode }) => (decode?.frames ?? 0) > frames + 100)
  await until('the log tells it', () => agent.stderr.includes('OUTBOX_FULL'))
  // Of a disk with some room and not enough, alarms would take what the events have, and tell it.
  growDisk(disk, 64 * 1024)
  await seen('it is well again', ({ sync }) => sync?.outbox.state === 'ok')
  await seen('what waited is kept', ({ sync }) => sync?.outbox.queuedRecords === 0)
  agent.child.kill('SIGTERM')
  const { code, stderr } = await agent.finished
  assert.equal(code, 0, stderr)
  assert.ok(remembers(path))
  const rows = readAll(openOutbox(t, { path, vehicle: 'test-1' })).sort((a, b) => a.seq - b.seq)
  assert.deepEqual(
    rows.map(({ seq }) => seq),
    rows.map((_, i) => i + 1),
  )
  assert.ok(rows.length > 10)
  assert.deepEqual(ledgerOf(rows), [])
})
