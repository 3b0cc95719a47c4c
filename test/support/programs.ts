import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Debian keeps servers in sbin, which is not on everybody's path. */
export const PROGRAM_PATH = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`

/** Where a program lies, if it is here. */
export function findProgram(program: string): string | undefined {
  if (program.startsWith('/')) return existsSync(program) ? program : undefined
  return PROGRAM_PATH.split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path))
}

/**
 * Makes sure that programs are here that tests drive: on Debian or Ubuntu as root it says so and
 * installs what is missing, elsewhere it throws with the one command that brings them.
 * @param packages for each program its Debian package
 */
export function needPrograms(packages: Readonly<Record<string, string>>): void {
  const missing = Object.keys(packages).filter((program) => !findProgram(program))
  if (missing.length === 0) return
  const names = [...new Set(missing.map((program) => packages[program]))]
  const apt = findProgram('apt-get')
  if (!apt || process.getuid?.() !== 0) {
    throw new Error(
      `These tests need ${missing.join(', ')}. Next: sudo apt-get install --no-install-recommends ${names.join(' ')}`,
    )
  }
  console.error(`installing ${names.join(', ')}`)
  const options = {
    env: { ...process.env, PATH: PROGRAM_PATH, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'],
  }
  // Two test files may find out at the same time.
  const wait = ['-o', 'DPkg::Lock::Timeout=300']
  execFileSync(apt, [...wait, 'update', '-qq'], options)
  const install = ['install', '-y', '-qq', '--no-install-recommends']
  execFileSync(apt, [...wait, ...install, ...names], options)
}
