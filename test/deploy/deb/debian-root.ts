import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOf, TARGETS, type Target } from '../../../deploy/deb/arch.ts'

/** Of the package's dependencies what a minimal Debian lacks. */
const INCLUDED = 'adduser,libstdc++6'
const SUITE = 'bookworm'
/** What programs in there look for, from the host. */
const BOUND = ['proc', 'dev', 'sys'] as const

export interface Ran {
  readonly code: number | null
  readonly out: string
}

/** A clean Debian in a folder of its own, made by debootstrap; gone after `remove`. */
export class DebianRoot {
  readonly path: string
  readonly target: Target
  readonly #mounted: string[] = []

  private constructor(path: string, target: Target) {
    this.path = path
    this.target = target
  }

  /** Makes one. Throws with what is missing where that cannot be done: root, debootstrap. */
  static make(arch: string): DebianRoot {
    const target = TARGETS[arch]
    const path = mkdtempSync(join(tmpdir(), `milepost-${arch}-`))
    const foreign = target.npm !== process.arch
    const made = spawnSync(
      'debootstrap',
      [
        '--variant=minbase',
        `--arch=${arch}`,
        ...(foreign ? ['--foreign'] : []),
        `--include=${INCLUDED}`,
        SUITE,
        path,
      ],
      { encoding: 'utf8' },
    )
    if (made.error)
      throw new Error(`debootstrap: ${made.error.message}; apt-get install debootstrap`)
    if (made.status !== 0) throw new Error(`debootstrap ended with ${made.status}:\n${made.stdout}`)
    // Its top is its `/`: a folder that only root may enter would be one that nobody else can live in.
    chmodSync(path, 0o755)
    return new DebianRoot(path, target)
  }

  /** Binds what programs in there look for. Not for a foreign root: nothing runs inside it. */
  mount(): void {
    for (const name of BOUND) {
      const at = join(this.path, name)
      mkdirSync(at, { recursive: true })
      const { status, stderr } = spawnSync('mount', ['--rbind', `/${name}`, at], {
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(`mount ${at}: ${stderr}`)
      spawnSync('mount', ['--make-rslave', at])
      this.#mounted.push(at)
    }
  }

  /** The command line that runs a program in there, as this user. */
  inside(user: string, ...command: string[]): [string, string[]] {
    // setpriv becomes the program, so that a signal reaches it and its exit code comes back.
    const as = ['setpriv', `--reuid=${user}`, `--regid=${group(user)}`, '--init-groups', '--']
    return ['chroot', [this.path, ...(user === 'root' ? [] : as), ...command]]
  }

  run(user: string, ...command: string[]): Ran {
    const [program, args] = this.inside(user, ...command)
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      DEBIAN_FRONTEND: 'noninteractive',
    }
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env })
    return { code: status, out: stdout + stderr }
  }

  /** The command line of a foreign root's program, under qemu-user. */
  emulated(program: string, ...args: string[]): [string, string[]] {
    const [first, ...rest] = startOf(this.target, this.path, join(this.path, program))
    return [first, [...rest, ...args]]
  }

  has(path: string): boolean {
    return existsSync(join(this.path, path))
  }

  read(path: string): string {
    return readFileSync(join(this.path, path), 'utf8')
  }

  /** `owner:group mode` of a path, by the root's own names. */
  owner(path: string): string {
    const { uid, gid, mode } = statSync(join(this.path, path))
    return `${this.#name('passwd', uid)}:${this.#name('group', gid)} ${(mode & 0o7777).toString(8)}`
  }

  remove(): void {
    for (const at of this.#mounted.reverse()) spawnSync('umount', ['-R', '-l', at])
    // What is still mounted is the host's: nothing of it may be removed.
    if (readFileSync('/proc/self/mounts', 'utf8').includes(`${this.path}/`)) {
      throw new Error(`still mounted below ${this.path}`)
    }
    rmSync(this.path, { recursive: true, force: true })
  }

  #name(table: string, id: number): string {
    const line = this.read(`etc/${table}`)
      .split('\n')
      .find((each) => each.split(':')[2] === String(id))
    return line?.split(':')[0] ?? String(id)
  }
}

/** Debian's nobody has a group of another name. */
function group(user: string): string {
  return user === 'nobody' ? 'nogroup' : user
}
