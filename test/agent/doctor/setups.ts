import { spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { diagnose } from '../../../agent/doctor/diagnose.ts'
import type { Finding } from '../../../agent/doctor/finding.ts'
import { type Probes, realProbes } from '../../../agent/doctor/probes.ts'
import { sceneOf } from '../../../agent/doctor/scene.ts'
import { makeLogger } from '../../../agent/log.ts'
import { COMMAND, ROOT } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

export const DBC = join(ROOT, 'sensors/simulator/vehicle.dbc')
const NOBODY = 65_534

/** A vehicle that is well, but for what a test breaks of it; it has room, memory and a set clock. */
export class Setup {
  readonly dir: string
  readonly data: string
  readonly file: string
  config: Record<string, unknown> = {
    vehicle: 'truck-1',
    sensors: [{ id: 'engine', kind: 'simulator', speed: 10 }],
    buses: { can0: { dbc: [DBC] } },
    log: { level: 'silent' },
  }
  /** What this machine happens to be like must not be the first finding. */
  probes: Partial<Probes> = {
    disk: async () => ({ free: 2 ** 33, all: 2 ** 34 }),
    memoryFree: () => 2 ** 30,
    clockKept: () => true,
  }
  #agent: Agent | undefined

  constructor(t: TestContext) {
    this.dir = tempDir(t)
    // Other users may look in, as they may in /etc.
    chmodSync(this.dir, 0o755)
    this.data = join(this.dir, 'data')
    this.file = join(this.dir, 'milepost.yaml')
    t.after(() => this.stop())
  }

  write(): this {
    writeFileSync(this.file, stringify({ dataDir: this.data, ...this.config }))
    return this
  }

  /** A copy of a file or folder of the project, to be broken. */
  copy(from: string, name: string): string {
    const to = join(this.dir, name)
    cpSync(join(ROOT, from), to, { recursive: true })
    return to
  }

  async start(): Promise<Agent> {
    this.write()
    this.#agent = await Agent.start(loadConfig(this.file), makeLogger('silent'))
    return this.#agent
  }

  async stop(): Promise<void> {
    const agent = this.#agent
    this.#agent = undefined
    await agent?.stop()
  }

  /** An outbox with a few records, its agent stopped. */
  async driven(): Promise<string> {
    const agent = await this.start()
    await until('some frames', () => (agent.status().decode?.frames ?? 0) > 10)
    await this.stop()
    return join(this.data, 'outbox.db')
  }

  async diagnose(): Promise<Finding[]> {
    return diagnose(await sceneOf({ configFile: this.file }, { ...realProbes, ...this.probes }))
  }

  /** The same as a user without rights; the file system decides, no probe. */
  async diagnoseAsNobody(): Promise<Finding[]> {
    if (process.getuid?.() !== 0) return this.diagnose()
    process.seteuid?.(NOBODY)
    try {
      return await this.diagnose()
    } finally {
      process.seteuid?.(0)
    }
  }

  /**
   * The command, run by a user without rights: access(2) asks for the real user, and for no capability
   * of theirs. The one capability lets them read the checkout, wherever it lies.
   */
  async commandAsNobody(): Promise<Finding[]> {
    const root = process.getuid?.() === 0
    const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
    const reads = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search']
    const doctor = [process.execPath, ...COMMAND, 'doctor', '--json', '-c', this.file]
    const [program, ...args] = root ? ['setpriv', ...user, ...reads, '--', ...doctor] : doctor
    const child = spawn(program, args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
      // Its cache of compiled files would be root's.
      env: { ...process.env, HOME: this.dir, TMPDIR: this.dir, TSX_DISABLE_CACHE: '1' },
    })
    let text = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk
    return JSON.parse(text) as Finding[]
  }

  /** Diagnoses again and again until this is the first finding, as it has to be in the end. */
  async comesFirst(code: string): Promise<Finding[]> {
    let last: Finding[] = []
    await until(`${code} to come first`, async () => {
      last = await this.diagnose()
      return last[0].code === code
    }).catch((error: Error) => {
      const shown = last
        .slice(0, 3)
        .map(({ check, code: c, finding }) => `${check} ${c} ${finding}`)
      throw new Error(`${error.message}; found: ${shown.join(' | ')}`)
    })
    return last
  }

  /** Overwrites bytes in the middle of a file. */
  damage(path: string, at: number, bytes = 64): void {
    const content = readFileSync(path)
    content.fill(0x5a, at, at + bytes)
    writeFileSync(path, content)
  }

  folder(name: string, mode = 0o755): string {
    const path = join(this.dir, name)
    mkdirSync(path, { recursive: true })
    chmodSync(path, mode)
    return path
  }
}

export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: as the system says it`), { code })
}
