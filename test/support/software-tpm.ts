import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram, needPrograms, PROGRAM_PATH } from './programs.ts'
import { until } from './until.ts'

/** A TPM 2.0 in software (swtpm), spoken to by the same tools as one of silicon. */
export class SoftwareTpm {
  readonly #dir: string
  readonly #child: ChildProcess

  private constructor(dir: string, child: ChildProcess) {
    this.#dir = dir
    this.#child = child
  }

  static async start(): Promise<SoftwareTpm> {
    needPrograms({ swtpm: 'swtpm', tpm2_unseal: 'tpm2-tools' })
    const dir = mkdtempSync(join(tmpdir(), 'mp-tpm-'))
    const socket = join(dir, 'sock')
    // The tools find the control socket by this name.
    const args = [
      '--server',
      `type=unixio,path=${socket}`,
      '--ctrl',
      `type=unixio,path=${socket}.ctrl`,
    ]
    const child = spawn(
      findProgram('swtpm')!,
      [
        'socket',
        '--tpm2',
        '--tpmstate',
        `dir=${dir}`,
        ...args,
        '--flags',
        'not-need-init,startup-clear',
      ],
      { stdio: 'ignore' },
    )
    await until('the TPM listens', () => existsSync(socket) || child.exitCode !== null)
    return new SoftwareTpm(dir, child)
  }

  /** The command that unseals, as the config has it; a real TPM needs no `-T`. */
  unseal(handle: string, ...more: string[]): string[] {
    return ['tpm2_unseal', '-T', this.#tcti, '-c', handle, ...more]
  }

  /** Runs one of the tools; answers what it prints. */
  run(tool: string, args: readonly string[], input = ''): string {
    const out = execFileSync(tool, ['-T', this.#tcti, ...args], {
      cwd: this.#dir,
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PATH: PROGRAM_PATH },
    })
    // A TPM holds few objects at a time; on a real one the kernel makes room between two callers.
    if (tool !== 'tpm2_flushcontext') this.run('tpm2_flushcontext', ['-t'])
    return out.toString()
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const ended = once(this.#child, 'exit')
      this.#child.kill()
      await ended
    }
    rmSync(this.#dir, { recursive: true, force: true })
  }

  get #tcti(): string {
    return `swtpm:path=${join(this.#dir, 'sock')}`
  }
}
