import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { freePort } from '../../../deploy/central/ports.ts'
import { Authority } from '../../support/certificates.ts'
import { still, testFirstFindings } from './first-findings.ts'
import { systemError } from './setups.ts'

testFirstFindings([
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
])
