import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { AgentError } from '../error.ts'
import { PACKAGE_ROOT } from '../package-root.ts'

/** How milepost is run: the built program where this is it, the sources through tsx otherwise. */
export const PROGRAM: readonly string[] = import.meta.url.endsWith('.ts')
  ? ['--import', 'tsx', join(PACKAGE_ROOT, 'agent/cli/main.ts')]
  : [join(PACKAGE_ROOT, 'dist/agent/cli/main.js')]

/** Characters of a command's complaint that are kept. */
const MAX_TOLD_CHARS = 4_000

/** Runs a milepost command to its end; throws with what it said where it fails. */
export function milepost(args: readonly string[], kill: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...PROGRAM, ...args], {
      cwd: PACKAGE_ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: kill,
      killSignal: 'SIGKILL',
    })
    let out = ''
    let told = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      told = (told + text).slice(-MAX_TOLD_CHARS)
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(out)
      else {
        const message = `milepost ${args.join(' ')} ended with ${code}: ${told.trim()}`
        const hint = 'Mend what it says, and start the demo again.'
        reject(new AgentError('RUN_FAILED', message, { hint }))
      }
    })
  })
}
