import { mkdirSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { freePort } from '../../../deploy/central/ports.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { still, testFirstFindings } from './first-findings.ts'
import { systemError } from './setups.ts'

testFirstFindings([
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
])
