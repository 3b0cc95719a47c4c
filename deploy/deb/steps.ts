import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface StepOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a command to its end. Answers what it wrote; throws with the end of that where it failed. */
export async function command(
  program: string,
  args: readonly string[],
  { cwd, env }: StepOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  const hear = (chunk: string): void => {
    out = (out + chunk).slice(-200_000)
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`${program} could not be started: ${(error as Error).message}`)
  })
  const [code] = await Promise.race([once(child, 'close'), failed])
  if (code !== 0) {
    throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${out.slice(-4000)}`)
  }
  return out
}

/** Tells each step as it begins, with the seconds since the start. */
export function teller(): (what: string) => void {
  const start = performance.now()
  return (what) => {
    const seconds = ((performance.now() - start) / 1000).toFixed(0).padStart(4)
    process.stderr.write(`${seconds} s  ${what}\n`)
  }
}
