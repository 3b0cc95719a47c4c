import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { TYPESCRIPT } from './typescript.ts'

/** Root of the checkout. */
export const ROOT = join(import.meta.dirname, '../..')

/** What `npm run build` made of the sources as they are now: said by `test/run.mjs`, which sees to it. */
export const BUILT = process.env.MILEPOST_TEST_BUILT === '1'

/** Node.js' arguments for the command; built it starts a second sooner than from its sources. */
export const COMMAND: readonly string[] = BUILT
  ? [join(ROOT, 'dist/agent/cli/main.js')]
  : [...TYPESCRIPT, join(ROOT, 'agent/cli/main.ts')]

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A `milepost` command as a process of its own, as a person runs it. */
export class Milepost {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  stderr = ''
  stdout = ''

  constructor(args: readonly string[], options: { cwd?: string; input?: string } = {}) {
    this.child = spawn(process.execPath, [...COMMAND, ...args], {
      cwd: options.cwd ?? ROOT,
      stdio: 'pipe',
    })
    this.child.stdin!.end(options.input ?? '')
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.finished = new Promise((resolve) => {
      this.child.once('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      )
    })
  }
}

/** Runs a command to its end. */
export function milepost(...args: string[]): Promise<Finished> {
  return new Milepost(args).finished
}

/** Writes a config into `dir`, its data beside it; answers the file's path. */
export function writeConfig(dir: string, config: Record<string, unknown>): string {
  const file = join(dir, 'milepost.yaml')
  writeFileSync(file, stringify({ vehicle: 'test-1', dataDir: join(dir, 'data'), ...config }))
  return file
}
