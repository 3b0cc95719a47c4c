import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { frameLine } from '../../../agent/cli/frames.ts'
import { momentOf } from '../../../agent/cli/moment.ts'
import { cut } from '../../../agent/cli/watch.ts'
import { Milepost, milepost, ROOT, writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

test('the roadside commands, with an agent and from its files alone', async (t) => {
  const dir = tempDir(t)
  const config = writeConfig(dir, {
    sensors: [
      {
        id: 'sim',
        kind: 'simulator',
        speed: 20,
        faults: [{ kind: 'battery', atSec: 60 }],
      },
    ],
    buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
    models: [{ bundle: join(ROOT, 'models/bundles/simulator') }],
    campaigns: [{ id: 'all', signals: ['*'], sampleEveryMs: 1000 }],
  })
  const agent = new Milepost(['run', '-c', config])
  t.after(() => agent.child.kill('SIGKILL'))
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await milepost(...args, '-c', config, '--json')
    return { code, stderr, value: stdout ? JSON.parse(stdout) : undefined }
  }
  const begun = await until('an anomaly', async () => {
    const { value } = await json('events', '--type', 'inference')
    return value?.find(({ content }: { content: { event: string } }) => content.event === 'begin')
  })

  await t.test('while the agent runs', async () => {
    const [status, signals, frames, explain, recall, watch] = await Promise.all([
      milepost('status', '-c', config),
      milepost('signals', 'Battery.*', '-c', config),
      milepost('frames', '-n', '30', '-c', config),
      milepost('explain', '-c', config),
      json('recall', '1s ago', '--signal', 'Battery.Voltage'),
      (async () => {
        const watching = new Milepost(['watch', '--json', '-c', config])
        await until('two lines', () => watching.stdout.split('\n').length > 2)
        watching.child.kill('SIGINT')
        return watching.finished
      })(),
    ])
    for (const word of [
      'vehicle',
      'clock',
      'sensor',
      'decode',
      'model',
      'lane',
      'outbox',
      'uplink',
    ])
      assert.match(status.stdout, new RegExp(`^${word} `, 'm'), status.stderr)
    assert.match(status.stdout, /frames\/s/)
    assert.match(status.stdout, /^updates {3}off$/m)
    assert.match(status.stdout, /^disk .* free of /m)
    assert.match(signals.stdout, /^Battery\.Voltage +[\d.]+ V /m)
    assert.ok(!signals.stdout.includes('Engine.'))
    assert.equal(frames.stdout.trim().split('\n').length, 30)
    assert.match(frames.stdout, /Engine Rpm=/)
    assert.match(explain.stdout, /anomaly begin/)
    assert.match(explain.stdout, /seen in training|spreads from its mean|usual by itself/)
    assert.equal(recall.value.series[0].name, 'Battery.Voltage')
    assert.equal(watch.code, 0)
    assert.equal(JSON.parse(watch.stdout.split('\n')[0]).vehicle, 'test-1')
  })

  agent.child.kill('SIGTERM')
  assert.equal((await agent.finished).code, 0, agent.stderr)

  await t.test('from the files when it is down', async () => {
    // Those that read the outbox take turns: one at a time may have it.
    const [status, stat, screen, signals, events, explain, recall, frames] = await Promise.all([
      json('status'),
      json('buffer', 'stat'),
      milepost('status', '-c', config),
      json('signals', 'Battery.*'),
      json('events'),
      json('explain', String(begun.id)),
      json('recall', '30s ago', '--signal', 'Battery.Voltage', '--minutes', '5'),
      milepost('frames', '-c', config),
    ])
    assert.equal(status.value?.state, 'down', status.stderr)
    assert.ok(status.value.outbox.lanes.critical.records >= 2)
    assert.equal(status.code, 1)
    assert.equal(stat.code, 0, stat.stderr)
    assert.match(screen.stdout, /agent +down/, screen.stderr)
    const names = signals.value.map(({ name }: { name: string }) => name)
    assert.ok(names.includes('Battery.Voltage') && names.every((n: string) => n.startsWith('Bat')))
    assert.equal(events.value.at(-1).type, 'milepost.agent.started.v1')
    assert.equal(events.value[0].type, 'milepost.agent.stopped.v1')
    assert.equal(explain.value.event.id, begun.id)
    assert.ok(recall.value.series[0].points.length > 0)
    assert.equal(frames.code, 1)
    assert.match(frames.stderr, /AGENT_DOWN/)
    assert.match(frames.stderr, /Next:/)
  })

  await t.test('and with no files at all', async () => {
    rmSync(join(dir, 'data'), { recursive: true })
    const [status, events, signals, explain] = await Promise.all([
      milepost('status', '-c', config),
      json('events'),
      json('signals'),
      milepost('explain', '7', '-c', config),
    ])
    assert.match(status.stdout, /none: no agent has run/)
    assert.deepEqual(events.value, [])
    assert.deepEqual(signals.value, [])
    assert.match(explain.stderr, /NOT_FOUND/)
  })
})

test('a time as a person writes it', () => {
  const now = new Date(2026, 10, 25, 15, 0, 0).getTime()
  assert.equal(momentOf('14:10', now), new Date(2026, 10, 25, 14, 10).getTime())
  assert.equal(momentOf('15:10', now), new Date(2026, 10, 24, 15, 10).getTime())
  assert.equal(momentOf('14:10:30', now), new Date(2026, 10, 25, 14, 10, 30).getTime())
  assert.equal(momentOf('10min ago', now), now - 600_000)
  assert.equal(momentOf('2h', now), now - 7_200_000)
  assert.equal(momentOf('2026-11-23 14:10', now), new Date(2026, 10, 23, 14, 10).getTime())
  assert.equal(momentOf('2026-11-23T14:10Z', now), Date.UTC(2026, 10, 23, 14, 10))
  for (const wrong of ['25:00', '14:61', 'yesterday', '', '5 parsecs ago']) {
    assert.throws(() => momentOf(wrong, now), { code: 'USAGE' })
  }
})

test('a frame in one line: classic, extended, FD, remote, error', () => {
  const frame = { timeUs: 1_500_000, bus: 'can0', id: 0x7e8, ext: false, flags: 0, data: '0441' }
  assert.match(frameLine(frame), /^\(1\.500000\) {2}can0 {7}7E8 {3}\[2\] {2}04 41$/)
  assert.match(frameLine({ ...frame, ext: true }), / 000007E8 /)
  assert.match(frameLine({ ...frame, flags: 2 }), /\[02\]/)
  assert.match(frameLine({ ...frame, flags: 16, data: '' }), /remote request/)
  assert.match(frameLine({ ...frame, flags: 32 }), /error frame/)
  const decoded = {
    ...frame,
    message: 'Engine',
    signals: { Rpm: 0.1 + 0.2, Big: '9007199254740993' },
  }
  assert.match(frameLine(decoded), /Engine Rpm=0\.3 Big=9007199254740993$/)
})

test('a line is cut to the width of the terminal, colours left whole', () => {
  assert.equal(cut('abcdef', 3), 'abc')
  assert.equal(cut('\u001b[31mabcdef\u001b[39m', 3), '\u001b[31mabc\u001b[39m')
})

test('wrong usage of a command names its own help', async () => {
  const [decode, buffer] = await Promise.all([milepost('decode'), milepost('buffer', 'imprt')])
  assert.deepEqual([decode.code, buffer.code], [2, 2])
  assert.match(decode.stderr, /--dbc.*not specified\nNext: milepost decode --help/)
  assert.match(buffer.stderr, /Did you mean import\?[\s\S]*Next: milepost buffer --help/)
})
