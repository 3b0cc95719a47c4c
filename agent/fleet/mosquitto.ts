import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { accepts, freePort } from '../../deploy/central/ports.ts'
import type { MqttConnection } from '../../sync/mqtt/connection.ts'
import { AgentError } from '../error.ts'

const START_TIMEOUT_MS = 15_000
const LOOK_MS = 50

/** A Mosquitto of ours on the loopback, without passwords and without a disk. */
export interface FleetBroker {
  /** For the vehicles, without TLS. */
  readonly port: number
  /**
   * For the relay. Of a plain socket Mosquitto (2.0) reads one packet before it turns to the next
   * socket; of one with TLS all that its last record held. With thousands of vehicles at their
   * turn, a relay without TLS acknowledges a few messages a second, and everything waits for it.
   */
  readonly relay: Pick<MqttConnection, 'url' | 'tls'>
  readonly pid: number
  stop(): void
}

/** Debian keeps servers in sbin, which is not on everybody's path. */
export function mosquittoPath(): string {
  const folders = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/usr/local/sbin`
  const found = folders
    .split(delimiter)
    .map((folder) => join(folder, 'mosquitto'))
    .find((path) => existsSync(path))
  if (found) return found
  throw new AgentError('NOT_FOUND', 'Mosquitto is not installed', {
    hint: 'On Debian, Ubuntu and Raspberry Pi OS: sudo apt-get install --no-install-recommends mosquitto',
  })
}

/** Starts a broker that keeps up to `maxQueued` messages for a relay that is away. */
export async function startBroker(dir: string, maxQueued: number): Promise<FleetBroker> {
  const program = mosquittoPath()
  const port = await freePort()
  const tlsPort = await freePort()
  const certified = await makeCertificate(dir)
  const file = join(dir, 'mosquitto.conf')
  const lines = [
    // Started by root it would become `mosquitto`, who cannot read this folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `listener ${port} 127.0.0.1`,
    ...(certified
      ? [
          `listener ${tlsPort} 127.0.0.1`,
          `certfile ${join(dir, 'broker.pem')}`,
          `keyfile ${join(dir, 'broker.key')}`,
        ]
      : []),
    'allow_anonymous true',
    'persistence false',
    'sys_interval 0',
    'max_inflight_messages 0',
    `max_queued_messages ${maxQueued}`,
    'log_type error',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = spawn(program, ['-c', file], { stdio: ['ignore', 'ignore', 'inherit'] })
  const stop = () => void child.kill('SIGKILL')
  process.once('exit', stop)
  const endMs = performance.now() + START_TIMEOUT_MS
  while (!(await accepts(port))) {
    if (hasEnded(child) || performance.now() > endMs) {
      stop()
      throw new AgentError('STOP_FAILED', `Mosquitto does not listen on port ${port}`, {
        hint: `Try it by hand: ${program} -c ${file} -v`,
      })
    }
    await sleep(LOOK_MS)
  }
  return {
    port,
    relay: certified
      ? { url: `mqtts://localhost:${tlsPort}`, tls: { ca: join(dir, 'broker.pem') } }
      : { url: `mqtt://127.0.0.1:${port}` },
    pid: child.pid!,
    stop: () => {
      process.off('exit', stop)
      stop()
    },
  }
}

/** A certificate for this run; false where there is no openssl to make it. */
async function makeCertificate(dir: string): Promise<boolean> {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', join(dir, 'broker.key')]
  const certificate = [
    '-x509',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
    '-out',
    join(dir, 'broker.pem'),
  ]
  const name = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  try {
    await promisify(execFile)('openssl', ['req', ...key, ...certificate, ...name])
    return true
  } catch {
    return false
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}
