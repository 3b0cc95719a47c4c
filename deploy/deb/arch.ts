import { join } from 'node:path'

/** A machine that the package is built for, in the words of those who name it. */
export interface Target {
  /** dpkg's name. */
  readonly arch: 'amd64' | 'arm64'
  /** npm's and Node.js' name. */
  readonly npm: 'x64' | 'arm64'
  /** The C compiler's prefix where it is another machine than this one. */
  readonly cross: string
  /** Runs the target's programs where this machine cannot. */
  readonly emulator: string
}

export const TARGETS: Readonly<Record<string, Target>> = {
  amd64: { arch: 'amd64', npm: 'x64', cross: 'x86_64-linux-gnu', emulator: 'qemu-x86_64-static' },
  arm64: {
    arch: 'arm64',
    npm: 'arm64',
    cross: 'aarch64-linux-gnu',
    emulator: 'qemu-aarch64-static',
  },
}

export const isThisMachine = (target: Target): boolean => target.npm === process.arch

/** How to start a program of the target on this machine; `root` holds the target's C library. */
export function startOf(target: Target, root: string | undefined, program: string): string[] {
  if (isThisMachine(target)) return [program]
  return [target.emulator, ...(root ? ['-L', root] : []), program]
}

export const libFolder = (stage: string): string => join(stage, 'usr/lib/milepost')
