import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needPrograms, PROGRAM_PATH } from '../../support/programs.ts'

/** On the host, and the Debian packages that have them. */
const PROGRAMS = { podman: 'podman', runc: 'runc', conmon: 'conmon', debootstrap: 'debootstrap' }

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Podman with images, volumes and containers in a folder of its own; all gone after `remove`. */
export class Podman {
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv

  private constructor(folder: string) {
    this.#folder = folder
    this.#env = { ...process.env, PATH: PROGRAM_PATH, ...settings(folder) }
  }

  /** Throws with what is missing: root, or a program where this may not install it. */
  static make(): Podman {
    if (process.getuid?.() !== 0) throw new Error('These tests need root. Next: sudo')
    needPrograms(PROGRAMS)
    return new Podman(mkdtempSync(join(tmpdir(), 'milepost-podman-')))
  }

  ask(args: readonly string[], cwd?: string): Ran {
    const options = { cwd, env: this.#env, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 } as const
    const { status, stdout, stderr, error } = spawnSync('podman', args, options)
    if (error) throw error
    return { code: status, out: stdout.trim(), err: stderr.trim() }
  }

  /** As `ask`; throws where it fails. Answers what it printed. */
  run(args: readonly string[], cwd?: string): string {
    const { code, out, err } = this.ask(args, cwd)
    if (code !== 0) throw new Error(`podman ${args.join(' ')} ended with ${code}:\n${out}\n${err}`)
    return out
  }

  remove(): void {
    this.run(['rm', '--all', '--force', '--time', '0'])
    const mounted = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((at) => at.startsWith(`${this.#folder}/`))
    for (const at of mounted.reverse()) spawnSync('umount', [at])
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/**
 * Writes Podman's settings into the folder; answers the environment that names them. Chosen for
 * machines without a user session, systemd, overlays or control groups of version 2, as CI has them.
 */
function settings(folder: string): Record<string, string> {
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const tmp = join(folder, 'tmp')
  mkdirSync(tmp)
  return {
    CONTAINERS_CONF: file(
      'containers.conf',
      // Podman would raise these limits, which takes a right that root in a container may lack.
      `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
pull_policy = "never"
runtime = "runc"
tmp_dir = "${tmp}"
`,
    ),
    CONTAINERS_STORAGE_CONF: file(
      'storage.conf',
      `[storage]
driver = "vfs"
graphroot = "${join(folder, 'graph')}"
runroot = "${join(folder, 'run')}"
`,
    ),
    BUILDAH_ISOLATION: 'chroot',
    TMPDIR: tmp,
  }
}
