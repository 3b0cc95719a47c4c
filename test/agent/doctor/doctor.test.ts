import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { CHECKS, diagnose } from '../../../agent/doctor/diagnose.ts'
import { type Finding, inOrder } from '../../../agent/doctor/finding.ts'
import { realProbes } from '../../../agent/doctor/probes.ts'
import { sceneOf } from '../../../agent/doctor/scene.ts'
import { freePort } from '../../../deploy/central/ports.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { Adapter } from '../../sensors/slcan/adapter.ts'
import { Authority } from '../../support/certificates.ts'
import { milepost } from '../../support/cli.ts'
import { openPty } from '../../support/pty.ts'
import { Fleet, TestVehicle } from '../updates/fleet.ts'
import { Setup, systemError } from './setups.ts'

interface Case {
  readonly name: string
  /** Code of the finding that must come first. */
  readonly first: string
  /** Something that its text must say. */
  readonly says: RegExp
  run(setup: Setup, t: TestContext): Promise<Finding[]>
}

/** A config that is read and not started. */
function still(change: (setup: Setup) => void): Case['run'] {
  return async (setup) => {
    change(setup)
    return setup.write().diagnose()
  }
}

const cases: Case[] = [
  {
    name: 'a typo in the config',
    first: 'CONFIG_INVALID',
    says: /did you mean "bitrate"/,
    run: still((setup) => {
      setup.config.sensors = [{ id: 'a', kind: 'slcan', port: '/dev/null', bitrat: 500_000 }]
    }),
  },
  {
    name: 'no config',
    first: 'CONFIG_MISSING',
    says: /Cannot read/,
    run: (setup) => setup.diagnose(),
  },
  {
    name: 'no permission for the data folder',
    first: 'DATA_DIR_DENIED',
    says: /may not write/,
    run: async (setup) => {
      setup.folder('data', process.getuid?.() === 0 ? 0o755 : 0o555)
      return setup.write().diagnoseAsNobody()
    },
  },
  {
    name: 'a socket that this user may not open',
    first: 'SOCKET_DENIED',
    says: /may not talk to the agent/,
    run: async (setup) => {
      await setup.start()
      chmodSync(socketPath(setup.data), 0o000)
      return setup.diagnoseAsNobody()
    },
  },
  {
    name: 'a read-only disk',
    first: 'DISK_READONLY',
    says: /mounted read-only/,
    run: still((setup) => {
      setup.folder('data')
      setup.probes.tryWriting = () => {
        throw systemError('EROFS')
      }
    }),
  },
  {
    name: 'a full disk',
    first: 'DISK_FULL',
    says: /is full/,
    run: still((setup) => {
      setup.folder('data')
      setup.probes.disk = async () => ({ free: 0, all: 2 ** 34 })
      setup.probes.tryWriting = () => {
        throw systemError('ENOSPC')
      }
    }),
  },
  {
    name: 'little memory left, with all else well',
    first: 'MEMORY_LOW',
    says: /Only 10 MiB/,
    run: async (setup) => {
      await setup.start()
      setup.probes.memoryFree = () => 10 * 2 ** 20
      return setup.diagnose()
    },
  },
  {
    name: 'a clock in 1970, and a broker that cannot be reached for it',
    first: 'CLOCK_UNSET',
    says: /1970-01-01/,
    run: async (setup) => {
      const port = await freePort()
      setup.config.uplink = { kind: 'kafka', brokers: [`127.0.0.1:${port}`] }
      setup.probes.nowMs = () => 3_600_000
      await setup.start()
      return setup.diagnose()
    },
  },
  {
    name: 'a client certificate that has expired',
    first: 'CERT_EXPIRED',
    says: /client\.pem expired on/,
    run: async (setup) => {
      const authority = await Authority.make(setup.dir)
      const { cert, key } = await authority.sign('client', { days: -1 })
      const brokers = [`127.0.0.1:${await freePort()}`]
      setup.config.uplink = { kind: 'kafka', brokers, tls: { ca: authority.file, cert, key } }
      return setup.write().diagnose()
    },
  },
  {
    name: 'a password file that is not there',
    first: 'SECRET_MISSING',
    says: /uplink\.sasl\.password: .*password is not there/,
    run: async (setup) => {
      const brokers = [`127.0.0.1:${await freePort()}`]
      const password = { file: join(setup.dir, 'password') }
      const sasl = { mechanism: 'plain', username: 'u', password }
      setup.config.uplink = { kind: 'kafka', brokers, sasl }
      return setup.write().diagnose()
    },
  },
  {
    name: 'a broken DBC file',
    first: 'DBC_SYNTAX',
    says: /broken\.dbc:3/,
    run: still((setup) => {
      const dbc = join(setup.dir, 'broken.dbc')
      writeFileSync(dbc, 'VERSION ""\nBU_: A\nBO_ 100 Engine: eight A\n')
      setup.config.buses = { can0: { dbc: [dbc] } }
    }),
  },
  {
    name: 'a DBC file of another vehicle',
    first: 'DBC_MISMATCH',
    says: /identifiers that no DBC file describes/,
    run: async (setup) => {
      const dbc = join(setup.dir, 'other.dbc')
      writeFileSync(
        dbc,
        'VERSION ""\nBU_: A\nBO_ 2000 Other: 8 A\n SG_ Speed : 0|8@1+ (1,0) [0|255] "" A\n',
      )
      setup.config.buses = { can0: { dbc: [dbc] } }
      await setup.start()
      return setup.comesFirst('DBC_MISMATCH')
    },
  },
  {
    name: 'a broken bundle',
    first: 'BUNDLE_HASH',
    says: /weights\.bin/,
    run: still((setup) => {
      const bundle = setup.copy('models/bundles/simulator', 'bundle')
      setup.damage(join(bundle, 'weights.bin'), 100)
      setup.config.models = [{ bundle }]
    }),
  },
  {
    name: 'a model whose signals do not come',
    first: 'MODEL_STARVED',
    says: /no inference/,
    run: async (setup) => {
      setup.config.models = [{ bundle: setup.copy('models/bundles/car-sensor', 'bundle') }]
      await setup.start()
      return setup.comesFirst('MODEL_STARVED')
    },
  },
  {
    name: 'a serial port that is not there',
    first: 'DEVICE_MISSING',
    says: /usb-none/,
    run: async (setup) => {
      setup.config.sensors = [{ id: 'a', kind: 'slcan', port: '/dev/serial/by-id/usb-none' }]
      await setup.start()
      return setup.comesFirst('DEVICE_MISSING')
    },
  },
  {
    name: 'a user who is not in dialout',
    first: 'DEVICE_DENIED',
    says: /No permission to open/,
    run: async (setup, t) => {
      const pty = openPty()
      t.after(() => pty.close())
      chmodSync(pty.path, 0o000)
      setup.config.sensors = [{ id: 'a', kind: 'slcan', port: pty.path }]
      const findings = await setup.write().commandAsNobody()
      assert.match(findings[0].command ?? '', /usermod -aG dialout/)
      return findings
    },
  },
  {
    name: 'a CAN interface that is not there',
    first: 'DEVICE_MISSING',
    says: /no interface can77/,
    run: still((setup) => {
      setup.config.sensors = [{ id: 'a', kind: 'socketcan', interface: 'can77' }]
    }),
  },
  {
    name: 'a CAN interface that is down',
    first: 'DEVICE_DOWN',
    says: /can0 is there and down/,
    run: still((setup) => {
      setup.config.sensors = [{ id: 'a', kind: 'socketcan', interface: 'can0' }]
      setup.probes.canInterface = () => ({ index: 3, mtu: 16, up: false, carrier: false })
    }),
  },
  {
    name: 'the wrong bitrate',
    first: 'BITRATE_WRONG',
    says: /errors instead of frames/,
    run: async (setup, t) => {
      const port = join(setup.dir, 'adapter')
      const adapter = new Adapter(port, { status: 'FA0' })
      t.after(() => adapter.pty.close())
      setup.config.sensors = [{ id: 'a', kind: 'slcan', port, bitrate: 500_000 }]
      await setup.start()
      return setup.comesFirst('BITRATE_WRONG')
    },
  },
  {
    name: 'a sensor that fell silent',
    first: 'SENSOR_STALE',
    says: /delivered nothing/,
    run: async (setup, t) => {
      const port = join(setup.dir, 'adapter')
      const adapter = new Adapter(port)
      t.after(() => adapter.pty.close())
      setup.config.sensors = [{ id: 'a', kind: 'slcan', port, staleAfterMs: 200 }]
      await setup.start()
      return setup.comesFirst('SENSOR_STALE')
    },
  },
  {
    name: 'a broker whose name nobody knows',
    first: 'HOST_UNKNOWN',
    says: /kafka\.depot\.invalid cannot be resolved/,
    run: async (setup) => {
      setup.config.uplink = { kind: 'kafka', brokers: ['kafka.depot.invalid:9092'] }
      await setup.start()
      return setup.comesFirst('HOST_UNKNOWN')
    },
  },
  {
    name: 'no route to the broker',
    first: 'NO_ROUTE',
    says: /cannot be reached/,
    run: still((setup) => {
      setup.config.uplink = { kind: 'kafka', brokers: ['10.255.0.1:9092'] }
      setup.probes.reach = async () => {
        throw systemError('ENETUNREACH')
      }
    }),
  },
  {
    name: 'a broker that is not running',
    first: 'PORT_CLOSED',
    says: /nothing listens on port/,
    run: async (setup) => {
      setup.config.uplink = { kind: 'kafka', brokers: [`127.0.0.1:${await freePort()}`] }
      await setup.start()
      return setup.comesFirst('PORT_CLOSED')
    },
  },
  {
    name: 'another agent that works with the outbox',
    first: 'OUTBOX_LOCKED',
    says: /Another process works with/,
    run: async (setup, t) => {
      const path = await setup.driven()
      const other = Outbox.open({ path, vehicle: 'truck-1', bootId: 'b' })
      t.after(() => other.close())
      return setup.diagnose()
    },
  },
  {
    name: 'a damaged outbox',
    first: 'OUTBOX_CORRUPT',
    says: /is damaged/,
    run: async (setup) => {
      const path = await setup.driven()
      setup.damage(path, 4096, Math.min(20_000, statSync(path).size - 4096))
      return setup.diagnose()
    },
  },
  {
    name: 'the outbox of another vehicle',
    first: 'OUTBOX_FOREIGN',
    says: /belongs to vehicle truck-1, the config says truck-2/,
    run: async (setup) => {
      await setup.driven()
      setup.config.vehicle = 'truck-2'
      return setup.write().diagnose()
    },
  },
  {
    name: 'an agent that hangs',
    first: 'AGENT_SILENT',
    says: /gives no answer/,
    run: async (setup, t) => {
      mkdirSync(setup.data)
      const server = createServer(() => {})
      await new Promise<void>((listening) => server.listen(socketPath(setup.data), listening))
      t.after(() => server.close())
      return setup.write().diagnose()
    },
  },
  {
    name: 'nothing but that no agent runs',
    first: 'AGENT_DOWN',
    says: /No agent runs/,
    run: async (setup) => {
      await setup.driven()
      return setup.diagnose()
    },
  },
]

for (const { name, first, says, run } of cases) {
  test(`first of all: ${name}`, async (t) => {
    const findings = await run(new Setup(t), t)
    const shown = findings.map(({ check, verdict, code, finding }) =>
      [verdict, check, code, finding].join(' | '),
    )
    assert.equal(findings[0].code, first, shown.slice(0, 4).join('\n'))
    assert.match(findings[0].finding, says)
    assert.ok(findings[0].command && findings[0].next, 'it says what to do')
  })
}

test('first of all: a release that nobody has signed', async (t) => {
  const fleet = await Fleet.make(t)
  await fleet.release('1', fleet.variant('good').dir)
  // Somebody who has the server and no key: the list of approved models, without its signatures.
  for (const name of readdirSync(join(fleet.folder, 'metadata'))) {
    if (!/^\d+\.models\.json$/.test(name)) continue
    const path = join(fleet.folder, 'metadata', name)
    const metadata = JSON.parse(readFileSync(path, 'utf8'))
    writeFileSync(path, JSON.stringify({ ...metadata, signatures: [] }))
  }
  const vehicle = await new TestVehicle(t, fleet).start()
  await vehicle.look()
  const file = join(vehicle.dataDir, 'milepost.yaml')
  const probes = { ...realProbes, ...new Setup(t).probes }
  const findings = await diagnose(await sceneOf({ configFile: file }, probes))
  const shown = findings.map(({ code, finding }) => `${code} ${finding}`).slice(0, 4)
  assert.equal(findings[0].cause, 'release', shown.join('\n'))
  assert.equal(findings[0].verdict, 'broken')
  assert.match(findings[0].code, /^RELEASE_(METADATA|HASH|UNAPPROVED)$/)
  assert.match(findings[0].finding, /Unable to load targets|models/)
})

test('a vehicle that is well has nothing broken, and every check looked at it', async (t) => {
  const setup = new Setup(t)
  setup.config.models = [{ bundle: setup.copy('models/bundles/simulator', 'bundle') }]
  await setup.start()
  const findings = await setup.diagnose()
  const wrong = findings.filter(({ verdict }) => verdict === 'broken' || verdict === 'trouble')
  assert.deepEqual(wrong, [])
  assert.ok(CHECKS.length >= 14 && findings.length >= 10)
})

test('a cause stands before what follows from it, and worse before less', () => {
  const finding = (cause: Finding['cause'], verdict: Finding['verdict']): Finding => ({
    check: cause,
    verdict,
    code: 'X',
    finding: '',
    cause,
  })
  const order = inOrder([
    finding('uplink', 'broken'),
    finding('agent', 'broken'),
    finding('disk', 'trouble'),
    finding('clock', 'broken'),
    finding('config', 'ok'),
  ]).map(({ check }) => check)
  assert.deepEqual(order, ['clock', 'uplink', 'agent', 'disk', 'config'])
})

test('the command tells the finding, what to do, and by its exit code whether something is broken', async (t) => {
  const setup = new Setup(t).write()
  const [text, json] = await Promise.all([
    milepost('doctor', '-c', setup.file),
    milepost('doctor', '-c', setup.file, '--json'),
  ])
  assert.equal(text.code, 1)
  assert.match(text.stdout, /✗ agent \(AGENT_DOWN\): No agent runs on /)
  assert.match(text.stdout, /\$ sudo systemctl start milepost/)
  assert.match(text.stdout, /checks found nothing wrong/)
  assert.equal(JSON.parse(json.stdout)[0].code, 'AGENT_DOWN')
})
