import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ask } from '../../agent/control/client.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../agent/status.ts'
import { COMMAND, ROOT, writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'
import { until } from '../support/until.ts'
import { ledgerOf, openOutbox, readAll } from '../sync/support.ts'

/** A real agent whose disk fails where and when the test says so. */
async function start(t: TestContext) {
  const dir = tempDir(t)
  const library = join(dir, 'faulty.so')
  const source = join(ROOT, 'test/faults/faulty.c')
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
  const config = writeConfig(dir, {
    sensors: [{ id: 'sim', kind: 'simulator' }],
    buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
    campaigns: [
      { id: 'all', signals: ['*'], sampleEveryMs: 50 },
      { id: 'alarm', signals: ['Engine.*'], sampleEveryMs: 100, lane: 'critical' },
    ],
    outbox: { reserveMiB: 1 },
  })
  const data = join(dir, 'data')
  const order = join(dir, 'order')
  const child = spawn(process.execPath, [...COMMAND, 'run', '-c', config], {
    cwd: ROOT,
    stdio: 'ignore',
    env: { ...process.env, LD_PRELOAD: library, FAULT_FILE: order, FAULT_FOLDER: `${data}/` },
  })
  const ended = once(child, 'exit')
  t.after(() => child.kill('SIGKILL'))
  const status = () => ask<AgentStatus>(socketPath(data), 'GET', '/status')
  const outbox = async () => (await status()).sync?.outbox
  const seen = async (what: string, holds: (now: AgentStatus) => boolean) => {
    const now = () => status().catch(() => undefined)
    await until(what, async () => {
      const answer = await now()
      return answer !== undefined && holds(answer)
    })
  }
  const stop = async () => {
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
    return readAll(openOutbox(t, { path: join(data, 'outbox.db'), vehicle: 'test-1' }))
  }
  const fail = (how: string) => writeFileSync(order, how)
  return { outbox, seen, stop, fail, mend: () => rmSync(order) }
}

for (const [what, how] of [
  ['is mounted read-only under way', 'write 30'],
  ['does not sync any more', 'sync 5'],
] as const) {
  test(`a disk that ${what}: the state has a name and a hint, the bus is read, and nothing is lost`, async (t) => {
    if (process.platform !== 'linux') {
      t.diagnostic('1 case not tried: the disk fails by LD_PRELOAD, which is Linux’s')
      return
    }
    const { outbox, seen, stop, fail, mend } = await start(t)
    await seen('records are kept', ({ sync }) => (sync?.lanes.telemetry.records ?? 0) > 5)
    fail(how)
    await seen('it is read-only', ({ sync }) => sync?.outbox.state === 'read-only')
    const told = (await outbox())?.lastError
    assert.equal(told?.code, 'OUTBOX_READONLY')
    assert.match(told?.hint ?? '', /mounted read-write/)
    let frames = 0
    await seen('its status', ({ decode }) => (frames = decode?.frames ?? 0) > 0)
    await seen('the bus is read', ({ decode }) => (decode?.frames ?? 0) > frames + 100)
    await seen('records wait', ({ sync }) => (sync?.outbox.queuedRecords ?? 0) > 20)
    mend()
    await seen('it is well again', ({ sync }) => sync?.outbox.state === 'ok')
    await seen('what waited is kept', ({ sync }) => sync?.outbox.queuedRecords === 0)
    const rows = (await stop()).sort((a, b) => a.seq - b.seq)
    assert.deepEqual(
      rows.map(({ seq }) => seq),
      rows.map((_, i) => i + 1),
    )
    assert.deepEqual(ledgerOf(rows), [])
    const samples = rows.filter(({ lane }) => lane === 'telemetry').map(({ monoUs }) => monoUs)
    const gaps = samples.slice(1).map((monoUs, i) => monoUs - samples[i])
    assert.ok(Math.min(...gaps) > 0, 'no record is there twice')
  })
}
