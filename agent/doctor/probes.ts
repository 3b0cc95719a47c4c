import { lookup } from 'node:dns/promises'
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type InterfaceState, readInterface } from '../../sensors/can/interface.ts'
import { kernelSynced } from '../time/adjtimex.ts'
import { availableMemory, diskOf } from '../watch/machine.ts'

const CONNECT_MS = 4_000

/** What the checks ask of the machine, handed in so that a test can break one thing at a time. */
export interface Probes {
  nowMs(): number
  /** Whether something keeps the clock; undefined where the system does not tell. */
  clockKept(): boolean | undefined
  disk(path: string): Promise<{ free: number; all: number }>
  memoryFree(): number
  /** Makes a file in the folder, writes some kB and takes it away; throws as the disk does. */
  tryWriting(dir: string): void
  /** Throws where this user may not read and write the device, or it is not there. */
  tryDevice(path: string): void
  canInterface(name: string): InterfaceState
  readFile(path: string): string
  exists(path: string): boolean
  resolve(host: string): Promise<void>
  /** Opens and closes a TCP connection; rejects with the system's error. */
  reach(host: string, port: number): Promise<void>
}

const PROBE_BYTES = 64 * 1024

export const realProbes: Probes = {
  nowMs: () => Date.now(),
  clockKept: kernelSynced,
  disk: diskOf,
  memoryFree: availableMemory,
  tryWriting(dir) {
    const path = join(dir, `.doctor-${process.pid}`)
    try {
      writeFileSync(path, Buffer.alloc(PROBE_BYTES))
    } finally {
      rmSync(path, { force: true })
    }
  },
  tryDevice: (path) => accessSync(path, constants.R_OK | constants.W_OK),
  canInterface: (name) => readInterface(name),
  readFile: (path) => readFileSync(path, 'utf8'),
  exists: existsSync,
  async resolve(host) {
    await lookup(host)
  },
  reach: (host, port) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port, timeout: CONNECT_MS })
      socket.once('connect', () => {
        socket.destroy()
        resolve()
      })
      socket.once('timeout', () => {
        socket.destroy()
        reject(Object.assign(new Error(`no answer within ${CONNECT_MS} ms`), { code: 'ETIMEDOUT' }))
      })
      socket.once('error', reject)
    }),
}
