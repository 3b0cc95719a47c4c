import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../agent/clock.ts'
import { parseConfig } from '../../../agent/config/load.ts'
import { tryPort } from '../../../agent/setup/serial.ts'
import { configText, writeConfig } from '../../../agent/setup/write-config.ts'
import { VirtualBus } from '../../../sensors/can/virtual-bus.ts'
import { Elm327 } from '../../../sensors/simulator/peers/elm327.ts'
import { nmeaSecond } from '../../../sensors/simulator/peers/nmea-source.ts'
import { Adapter } from '../../sensors/slcan/adapter.ts'
import { milepost } from '../../support/cli.ts'
import { openPty } from '../../support/pty.ts'
import { tempDir } from '../../support/temp-dir.ts'

const QUICK = { ms: 300, speakMs: 300, askMs: 1200, listenOnly: false }
const never = new AbortController().signal
const WISHES = {
  vehicle: 'truck-17',
  dataDir: '/var/lib/milepost',
  dbc: [],
  simulatorDbc: '/v.dbc',
}

function link(t: TestContext): string {
  return join(tempDir(t), 'port')
}

test('a receiver that speaks by itself is found, and asked nothing', async (t) => {
  const pty = openPty(link(t))
  const heard: Buffer[] = []
  pty.onData((chunk) => heard.push(chunk))
  let open = true
  t.after(() => {
    open = false
    return pty.close()
  })
  void (async () => {
    while (open) {
      await pty
        .write(
          nmeaSecond({
            ...{ utcUs: Date.now() * 1000, latitude: 48.1, longitude: 11.5, altitudeM: 500 },
            ...{ speedKmh: 50, headingDeg: 90, inView: { GP: 8 }, fix: true },
          }),
        )
        .catch(() => {})
      await sleep(50)
    }
  })()
  const found = await tryPort(pty.path, QUICK, never, () => {})
  assert.equal(found.kind, 'nmea')
  assert.equal(heard.length, 0)
})

test('an slcan adapter is found with the bitrate at which frames come', async (t) => {
  const adapter = new Adapter(link(t))
  let open = true
  t.after(() => {
    open = false
    return adapter.pty.close()
  })
  void (async () => {
    while (open) {
      // Frames come only while the channel is open at the bitrate of the bus: S5 is 250 kbit/s.
      const rate = adapter.commands.filter((command) => command.startsWith('S')).at(-1)
      const mode = adapter.commands.filter((command) => /^[LOC]$/.test(command)).at(-1)
      if (rate === 'S5' && mode === 'L') await adapter.say('t1232AABB\r').catch(() => {})
      await sleep(20)
    }
  })()
  const found = await tryPort(adapter.pty.path, QUICK, never, () => {})
  assert.deepEqual([found.kind, found.bitrate, found.problem], ['slcan', 250_000, undefined])
  assert.ok(!adapter.commands.includes('O'), 'it listens only')
})

test('an ELM327 is found', async (t) => {
  const pty = openPty(link(t))
  t.after(() => pty.close())
  new Elm327(pty, new VirtualBus(systemClock).channel())
  const found = await tryPort(pty.path, QUICK, never, () => {})
  assert.equal(found.kind, 'elm327')
})

test('a port of nobody, and one that is not there, are told of', async (t) => {
  const pty = openPty(link(t))
  t.after(() => pty.close())
  const nobody = await tryPort(pty.path, { ...QUICK, listenOnly: true }, never, () => {})
  assert.deepEqual([nobody.kind, nobody.problem], [undefined, 'it says nothing by itself'])
  const missing = await tryPort('/dev/serial/by-id/none', QUICK, never, () => {})
  assert.match(missing.problem ?? '', /There is no/)
})

test('what is written is what run takes, with everything that was found', () => {
  const text = configText(
    {
      can: [{ name: 'can0', virtual: false, up: true, bitrate: 250_000, frames: 9, ids: 2 }],
      serial: [
        { port: '/dev/serial/by-id/gps "x"', kind: 'nmea', baudRate: 4800, frames: 0 },
        { port: '/dev/ttyACM0', kind: 'slcan', frames: 0, problem: 'no frame at any bitrate' },
        { port: '/dev/ttyUSB1', frames: 0, problem: 'it says nothing by itself' },
      ],
    },
    { ...WISHES, brokers: ['kafka:9092'], dbc: ['/etc/milepost/engine.dbc'] },
  )
  const config = parseConfig(text, '/etc/milepost/milepost.yaml')
  assert.deepEqual(
    config.sensors.map(({ common: { id, kind } }) => [id, kind]),
    [
      ['can0', 'socketcan'],
      ['nmea', 'nmea'],
      ['slcan', 'slcan'],
    ],
  )
  assert.deepEqual(config.buses.can0.dbc, ['/etc/milepost/engine.dbc'])
  assert.equal(config.uplink.kind, 'kafka')
  assert.match(text, /ttyUSB1: it says nothing by itself/)
  assert.match(text, /Heard at 250000 bit\/s/)
})

test('with nothing found it is a simulated vehicle; the config before is kept', async (t) => {
  const file = join(tempDir(t), 'milepost.yaml')
  writeFileSync(file, 'mine: true\n')
  const text = configText({ can: [], serial: [] }, WISHES)
  assert.equal(parseConfig(text, file).sensors[0].common.kind, 'simulator')
  const { kept } = writeConfig(file, text)
  assert.equal(readFileSync(kept ?? '', 'utf8'), 'mine: true\n')
  assert.equal(readFileSync(file, 'utf8'), text)
})

test('the command writes no config over another unasked', async (t) => {
  const file = join(tempDir(t), 'milepost.yaml')
  const args = ['setup', '-c', file, '--port', '/dev/nothing', '--no-doctor', '--vehicle', 'v1']
  const first = await milepost(...args)
  assert.equal(first.code, 0, first.stderr)
  assert.ok(existsSync(file))
  const second = await milepost(...args)
  assert.equal(second.code, 2)
  assert.match(second.stderr, /--force/)
  const dry = await milepost(...args, '--dry-run', '--json')
  assert.equal(JSON.parse(dry.stdout).serial[0].port, '/dev/nothing')
})

test('a place where no config can be written is named, with what to do', async (t) => {
  const file = join(tempDir(t), 'none', 'milepost.yaml')
  const args = ['setup', '-c', file, '--port', '/dev/nothing', '--no-doctor', '--vehicle', 'v1']
  const { code, stderr } = await milepost(...args)
  assert.equal(code, 2)
  assert.match(stderr, /USAGE: Cannot write .*none[\s\S]*Next: Make its folder/)
})
