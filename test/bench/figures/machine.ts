import { execFileSync } from 'node:child_process'
import { arch, availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import type { Machine } from './recorded.ts'

/** Changes what a bench does: part of its command. */
const SETTINGS = /^(MILEPOST_BENCH_\w+|MILEPOST_INSTALLED|SECONDS|RECORDS)$/

/** A reader's own folder: where it lay on this machine is nobody's matter. */
const UNPACKED = '…'

/** What it runs on, and how busy that is now. Nothing that names the machine. */
export function machineNow(): Machine {
  return {
    cpus: availableParallelism(),
    model: cpus()[0]?.model.trim() || 'unknown',
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    // The version that others have too, without what a builder put behind it.
    os: `${type()} ${release().split('-')[0]}`,
    arch: arch(),
    node: process.version,
    loadBefore: Math.round(loadavg()[0] * 100) / 100,
  }
}

/** The commit of the checkout, with `+` where files differ from it; `unknown` outside of one. */
export function commitNow(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    // What this command writes itself is no change of what was measured.
    const ours = [
      ':/',
      ':(exclude,top)test/bench/recorded',
      ':(exclude,top)deploy/guides/figures.md',
    ]
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', ...ours)
    return git('rev-parse', '--short=10', 'HEAD') + (changed ? '+' : '')
  } catch {
    return 'unknown'
  }
}

/** `command` with the settings of this environment before it. */
export function typedCommand(command: string): string {
  const settings = Object.entries(process.env)
    .filter(([name]) => SETTINGS.test(name))
    .map(([name, value]) => `${name}=${name === 'MILEPOST_INSTALLED' ? UNPACKED : value}`)
  return [...settings, command].join(' ')
}
