import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { commitNow, machineNow, typedCommand } from './machine.ts'
import type { Measurement } from './measurements.ts'
import type { Recorded } from './recorded.ts'

const ROOT = join(import.meta.dirname, '../../..')
/** Rows are few: more than this is something else. */
const MAX_OUTPUT_BYTES = 16 * 2 ** 20

/** Runs one in a process of its own. Rejects where it fails or tells something else than rows. */
export async function measure(
  { name, command, rows }: Measurement,
  signal: AbortSignal,
): Promise<Recorded> {
  const machine = machineNow()
  const commit = commitNow()
  const date = new Date().toISOString().slice(0, 10)
  const startMs = performance.now()
  const output = await outputOf(command, signal)
  const seconds = Math.round((performance.now() - startMs) / 100) / 10
  return {
    name,
    command: typedCommand(command),
    date,
    commit,
    seconds,
    machine,
    rows: rows(output),
  }
}

async function outputOf(command: string, signal: AbortSignal): Promise<unknown> {
  // In a group of its own, so that what it starts ends with it.
  const child = spawn('sh', ['-c', command], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = (): void => {
    if (child.pid) process.kill(-child.pid, 'SIGINT')
  }
  signal.addEventListener('abort', stop, { once: true })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MAX_OUTPUT_BYTES) said += text
  })
  const [code, killed] = await once(child, 'close')
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  if (code !== 0) throw new Error(`${command} ended with ${killed ?? code}`)
  return jsonIn(said, command)
}

/** The JSON of the output: npm says on its first lines what it runs. */
function jsonIn(said: string, command: string): unknown {
  const at = said.search(/^[[{]/m)
  try {
    return JSON.parse(said.slice(Math.max(at, 0)))
  } catch (cause) {
    throw new Error(`${command} did not end in JSON`, { cause })
  }
}
