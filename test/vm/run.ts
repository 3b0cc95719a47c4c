// `npm run test:vm [-- --full] [name part …]`: the cases beside this file inside a machine whose kernel has CAN.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { cacheDir, type Machine, MachineError, prepareMachine } from './machine.ts'

const ROOT = join(import.meta.dirname, '../..')
/** An emulated machine on a loaded host: far beyond what a run takes, so that a hang ends. */
const TIMEOUT_MS = 480_000

const full = process.argv.includes('--full')
const wanted = process.argv.slice(2).filter((word) => word !== '--full')
const cases = readdirSync(join(import.meta.dirname, 'cases'))
  .filter((name) => name.endsWith('.vm.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
if (cases.length === 0) {
  console.error(`No case matches ${wanted.join(' ')}.`)
  process.exit(2)
}

if (ROOT.startsWith('/run/')) {
  console.error('In the machine /run is its own: put the checkout elsewhere.')
  process.exit(2)
}

try {
  const machine = prepareMachine(readFileSync(join(import.meta.dirname, 'init.sh'), 'utf8'))
  build()
  process.exitCode = await boot(machine)
} catch (error) {
  if (!(error instanceof MachineError)) throw error
  console.error(error.message)
  process.exitCode = 1
}

/** Plain JavaScript runs in there: compiling in an emulated machine takes longer than the tests. */
function build(): void {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const built = spawnSync(process.execPath, [tsc], { cwd: ROOT, stdio: ['ignore', 2, 2] })
  // tsc writes what it can; whether all types are right is for `npm run lint` to say.
  if (built.status !== 0) console.error('# tsc found mistakes; going on with what it built')
}

/** The folder's two files: what imports the cases, and the script that the machine runs. */
function writeRun(dir: string): string {
  const files = cases.map((name) => join(ROOT, 'dist/test/vm/cases', `${basename(name, '.ts')}.js`))
  // One process for all: a start of Node.js costs a second or two here.
  const main = join(dir, 'main.mjs')
  writeFileSync(main, files.map((file) => `await import(${JSON.stringify(file)})\n`).join(''))
  const script = join(dir, 'run.sh')
  const how = full ? 'MILEPOST_VM_FULL=1 ' : ''
  writeFileSync(script, `cd '${ROOT}'\n${how}'${process.execPath}' --test-reporter=tap '${main}'\n`)
  return script
}

/** Runs the cases in the machine, shows what they print, and answers their exit code. */
async function boot(machine: Machine): Promise<number> {
  const dir = mkdtempSync(join(cacheDir(), 'run-'))
  try {
    const file = writeRun(dir)
    const share = 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap'
    const args = ['-M', 'pc', '-cpu', 'max', '-m', '2048', '-smp', '2', '-nographic', '-no-reboot']
    args.push('-kernel', machine.kernel, '-initrd', machine.initrd, '-nic', 'none')
    args.push('-append', `console=ttyS0 quiet panic=-1 mp_run=${file}`, '-virtfs', share)
    // Two cards with a controller each (SJA1000), joined by one wire.
    args.push('-object', 'can-bus,id=wire')
    for (let n = 0; n < 2; n++) args.push('-device', 'kvaser_pci,canbus=wire')
    const started = performance.now()
    const qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const timer = setTimeout(() => {
      console.error(`The machine was stopped after ${TIMEOUT_MS / 1000} s.`)
      qemu.kill('SIGKILL')
    }, TIMEOUT_MS)
    // What a busy host takes away is no time of ours: the processor's tells how long it would take alone.
    let cpuSeconds = 0
    const looking = setInterval(() => {
      cpuSeconds = cpuSecondsOf(qemu.pid) ?? cpuSeconds
    }, 500)
    let inside = false
    let passed = 0
    let code: number | undefined
    const before: string[] = []
    for await (const raw of createInterface({ input: qemu.stdout })) {
      const line = raw.trimEnd()
      const end = /MILEPOST-VM EXIT (\d+)/.exec(line)
      if (end) code = Number(end[1])
      else if (line.endsWith('MILEPOST-VM BEGIN')) inside = true
      else if (inside && code === undefined) {
        if (line.startsWith('ok ')) passed++
        console.log(line)
      } else before.push(line)
    }
    clearTimeout(timer)
    clearInterval(looking)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    if (code === undefined) {
      console.error(before.slice(-30).join('\n'))
      console.error(`The machine ended after ${seconds} s without a result.`)
      return 1
    }
    console.log(
      `# Linux ${machine.version}: ${passed} ok, exit ${code}, ${seconds} s with boot, ${cpuSeconds.toFixed(0)} s of processor time on two processors`,
    )
    return code === 0 && passed === 0 ? 1 : code
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Processor time of a process, its threads included; undefined once it is gone. */
function cpuSecondsOf(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime and stime, the 14th and 15th of all fields (proc(5)), in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return undefined
  }
}
