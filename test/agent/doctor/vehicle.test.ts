import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { forge } from '../../models/bundles.ts'
import { Adapter } from '../../sensors/slcan/adapter.ts'
import { openPty } from '../../support/pty.ts'
import { until } from '../../support/until.ts'
import { still, testFirstFindings } from './first-findings.ts'

testFirstFindings([
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
      const bundle = setup.copy('models/bundles/car-sensor', 'bundle')
      forge(bundle, ({ features }) => {
        features.windowMs = features.sampleEveryMs = 500
      })
      setup.config.models = [{ bundle }]
      const agent = await setup.start()
      await until('a starved model', () => agent.status().models[0].starved)
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
])
