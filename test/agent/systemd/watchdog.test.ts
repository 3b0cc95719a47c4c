import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from '../../../agent/control/client.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { withPriority } from '../../../agent/log.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import { notifier, watchdogMs } from '../../../agent/systemd/notify.ts'
import { type HealthReport, Progress } from '../../../agent/watch/progress.ts'
import { COMMAND, ROOT, writeConfig } from '../../support/cli.ts'
import { NotifySocket } from '../../support/notify-socket.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

const SEC = 1e6

test('systemd hears that the agent is ready, and the watchdog is fed until the storing thread hangs', async (t) => {
  const dir = tempDir(t)
  const config = writeConfig(dir, {
    sensors: [{ id: 'sim', kind: 'simulator' }],
    campaigns: [{ id: 'all', signals: ['*'], sampleEveryMs: 100 }],
  })
  const systemd = new NotifySocket(join(dir, 'notify'))
  t.after(() => systemd.close())
  const hang = join(dir, 'hang')
  const agent = spawn(
    process.execPath,
    [...['--import', join(import.meta.dirname, 'hang.mjs')], ...[...COMMAND, 'run', '-c', config]],
    {
      cwd: ROOT,
      stdio: 'ignore',
      env: {
        ...process.env,
        NOTIFY_SOCKET: systemd.path,
        WATCHDOG_USEC: String(12 * SEC),
        MILEPOST_TEST_HANG: hang,
      },
    },
  )
  t.after(() => agent.kill('SIGKILL'))
  const socket = socketPath(join(dir, 'data'))
  const heard = (text: RegExp) => until(`${text}`, () => systemd.read().some((m) => text.test(m)))
  await heard(/^READY=1$/m)
  await heard(/^WATCHDOG=1$/m)
  await until('readiness', () =>
    ask(socket, 'GET', '/readyz').then(
      () => true,
      () => false,
    ),
  )

  writeFileSync(hang, '')
  const stuck = await until('the hung thread to be noticed', async () => {
    const { parts } = await ask<AgentStatus>(socket, 'GET', '/status')
    const report = parts.progress as HealthReport
    return report.healthy ? undefined : report
  })
  assert.match(stuck.stuck[0], /storing thread has said nothing|waited .* for a commit/)
  await heard(/^STATUS=.*(nothing|commit)/m)
  await assert.rejects(ask(socket, 'GET', '/healthz'))
  // The main thread works and reads on all the while: a timer would have fed it.
  systemd.take()
  const frames = async () => (await ask<AgentStatus>(socket, 'GET', '/status')).sensors[0].frames
  const before = await frames()
  await until('more frames', async () => (await frames()) > before + 500)
  assert.deepEqual(
    systemd.take().filter((message) => /WATCHDOG/.test(message)),
    [],
  )
})

test('a clean stop is told', async (t) => {
  const dir = tempDir(t)
  const config = writeConfig(dir, { sensors: [{ id: 'sim', kind: 'simulator' }] })
  const name = `@milepost-test-${process.pid}`
  const systemd = new NotifySocket(name)
  t.after(() => systemd.close())
  const agent = spawn(process.execPath, [...COMMAND, 'run', '-c', config], {
    cwd: ROOT,
    stdio: 'ignore',
    env: { ...process.env, NOTIFY_SOCKET: name },
  })
  t.after(() => agent.kill('SIGKILL'))
  await until('READY', () => systemd.read().some((message) => message.startsWith('READY=1')))
  agent.kill('SIGTERM')
  await until('STOPPING', () => systemd.read().includes('STOPPING=1'))
  assert.ok(!systemd.messages.includes('WATCHDOG=1'), 'nobody asked for a watchdog')
})

/** As much of a status as is judged. */
function status(more: {
  timeUs: number
  state?: string
  queued?: number
  lastSeq?: number
  sensors?: object[]
}): AgentStatus {
  const lane = { lastSeq: more.lastSeq ?? 0 }
  return {
    sensors: more.sensors ?? [],
    sync: {
      timeUs: more.timeUs,
      lanes: { critical: lane, events: lane, telemetry: lane },
      outbox: { state: more.state ?? 'ok', queuedRecords: more.queued ?? 0, writtenBytes: 0 },
    },
  } as unknown as AgentStatus
}

test('progress: a thread that is silent, commits that do not come, frames that nobody reads', () => {
  const judged = (at: (sec: number) => Parameters<typeof status>[0]): boolean => {
    const progress = new Progress(10_000)
    let healthy = true
    for (let sec = 0; sec <= 30; sec++) {
      healthy = progress.judge(status(at(sec)), sec * SEC).healthy
    }
    return healthy
  }
  const sensor = (frames: number, rxFrames: number, state = 'live') => ({
    id: 'can',
    state,
    frames,
    opens: 1,
    device: { rxFrames },
  })
  assert.equal(
    judged((s) => ({ timeUs: s })),
    true,
  )
  assert.equal(
    judged(() => ({ timeUs: 7 })),
    false,
    'silent thread',
  )
  assert.equal(
    judged((s) => ({ timeUs: s, queued: 5, lastSeq: s })),
    true,
  )
  assert.equal(
    judged((s) => ({ timeUs: s, queued: 5, lastSeq: 1 })),
    false,
    'no commit',
  )
  assert.equal(
    judged((s) => ({ timeUs: s, queued: 5, state: 'disk-full' })),
    true,
    'a full disk',
  )
  assert.equal(
    judged((s) => ({ timeUs: s, sensors: [sensor(s, s)] })),
    true,
  )
  assert.equal(
    judged((s) => ({ timeUs: s, sensors: [sensor(3, s * 100)] })),
    false,
    'unread',
  )
  assert.equal(
    judged((s) => ({ timeUs: s, sensors: [sensor(3, 3)] })),
    true,
    'a silent bus',
  )
  assert.equal(
    judged((s) => ({ timeUs: s, sensors: [sensor(3, s * 100, 'recovering')] })),
    true,
    'being retried',
  )
})

test('nothing is told where nobody listens, and the watchdog is of the process it is for', async () => {
  assert.equal(notifier({}), undefined)
  assert.equal(notifier({ NOTIFY_SOCKET: 'relative' }), undefined)
  assert.equal(notifier({ NOTIFY_SOCKET: '/nowhere/at/all' })?.send('READY=1'), false)
  assert.equal(watchdogMs({}), undefined)
  assert.equal(watchdogMs({ WATCHDOG_USEC: '30000000' }), 30_000)
  assert.equal(watchdogMs({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), undefined)
  await sleep(0)
})

test('the journal gets the priority of each line', () => {
  assert.equal(withPriority('{"level":50,"msg":"x"}'), '<3>{"level":50,"msg":"x"}')
  assert.equal(withPriority('{"level":40}'), '<4>{"level":40}')
  assert.equal(withPriority('{"level":30}'), '<6>{"level":30}')
  assert.equal(withPriority('{"level":20}'), '<7>{"level":20}')
  assert.equal(withPriority('no json'), '<6>no json')
})
