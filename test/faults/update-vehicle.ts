// An agent that drives and takes an update, and is killed with SIGKILL at the write that its arguments
// name: before it, in the middle of it, or after it. Counts every change of a file or folder below
// `models/` and `releases/` of its data folder, whoever makes it.
// Arguments: config, kill at step (0: never), seed. Tells a line when it runs, and one when it is done.
import fs from 'node:fs'
import fsp from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomOf } from '../../models/training/random.ts'

const [configFile, killAt, seed] = process.argv.slice(2)
const random = randomOf(Number(seed))
let step = 0

const isOurs = (path: unknown): boolean => /\/data\/(models|releases)(\/|$)/.test(String(path))

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

/** True where this very step is the last: the process may also end before it. */
function isLast(): boolean {
  if (++step !== Number(killAt)) return false
  if (random() < 0.4) die()
  return true
}

// biome-ignore lint/suspicious/noExplicitAny: what is replaced here has many shapes.
type Loose = any
type Any = (...args: Loose[]) => Loose

/** Half of what was to be written: a write that the kill cut. */
function half(data: unknown): string | Uint8Array {
  const bytes = typeof data === 'string' ? Buffer.from(data) : (data as Uint8Array)
  return bytes.subarray(0, Math.floor(random() * bytes.length))
}

const files = new Map<number, string>()
const sync = fs as unknown as Record<string, Any>
const { openSync, writeFileSync } = fs
sync.openSync = (path: string, ...rest: Loose[]) => {
  const file = (openSync as Any)(path, ...rest)
  files.set(file, String(path))
  return file
}
sync.writeFileSync = (to: string | number, data: unknown, ...rest: Loose[]) => {
  const path = typeof to === 'number' ? files.get(to) : to
  if (!isOurs(path)) return (writeFileSync as Any)(to, data, ...rest)
  if (!isLast()) return (writeFileSync as Any)(to, data, ...rest)
  ;(writeFileSync as Any)(to, half(data), ...rest)
  die()
}
for (const name of [
  'renameSync',
  'rmSync',
  'mkdirSync',
  'mkdtempSync',
  'chmodSync',
  'unlinkSync',
]) {
  const real = sync[name]
  sync[name] = (path: string, ...rest: Loose[]) => {
    if (!isOurs(path)) return real(path, ...rest)
    const last = isLast()
    const value = real(path, ...rest)
    if (last) die()
    return value
  }
}
const later = fsp as unknown as Record<string, Any>
for (const name of ['rename', 'rm', 'mkdir', 'unlink']) {
  const real = later[name]
  later[name] = async (path: string, ...rest: Loose[]) => {
    if (!isOurs(path)) return real(path, ...rest)
    const last = isLast()
    const value = await real(path, ...rest)
    if (last) die()
    return value
  }
}
const open = later.open
later.open = async (path: string, ...rest: Loose[]) => {
  const handle = await open(path, ...rest)
  if (!isOurs(path)) return handle
  for (const name of ['write', 'writeFile', 'sync', 'truncate']) {
    const real = handle[name].bind(handle)
    handle[name] = async (data: unknown, ...more: Loose[]) => {
      if (!isLast()) return real(data, ...more)
      if (name === 'writeFile') await real(half(data))
      else await real(data, ...more)
      die()
    }
  }
  return handle
}
syncBuiltinESMExports()

const { Agent } = await import('../../agent/agent.ts')
const { loadConfig } = await import('../../agent/config/load.ts')
const { makeLogger } = await import('../../agent/log.ts')
const agent = await Agent.start(loadConfig(configFile), makeLogger('silent'))
const tell = (what: string): void => {
  process.stdout.write(`${what} ${agent.status().models[0].hash}\n`)
}
tell('runs')
const settled = (): boolean => {
  const updates = agent.status().parts.updates as Loose
  return updates?.lastLook?.endedUs !== undefined && !updates.slots[0].attempt
}
while (!settled()) await sleep(20)
tell(`done ${step}`)
await agent.stop()
process.exit(0)
