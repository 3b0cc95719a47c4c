import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { TARGETS } from './arch.ts'
import { buildPackage } from './package.ts'
import { command, teller } from './steps.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VERSION: string = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version
const HELP = `npm run deb -- [--arch amd64|arm64] [--out FOLDER] [--version V] [--sysroot FOLDER]

Builds the Debian package of this checkout, with its own Node.js, for this machine or for another.

  --arch     machine of the package; this one's, where nothing is said
  --out      where it goes (dist/deb)
  --version  its version (${VERSION})
  --sysroot  a root file system of the target: its programs are then tried under qemu-user
  --no-build what lies in dist/ is packed as it is
`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: process.arch === 'arm64' ? 'arm64' : 'amd64' },
      out: { type: 'string', default: join(ROOT, 'dist/deb') },
      version: { type: 'string', default: VERSION },
      sysroot: { type: 'string' },
      'no-build': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const target = TARGETS[values.arch]
  if (!target) throw new Error(`--arch: expected ${Object.keys(TARGETS).join(' or ')}`)
  const tell = teller()
  const work = mkdtempSync(join(tmpdir(), 'milepost-deb-'))
  const clean = (): void => rmSync(work, { recursive: true, force: true })
  process.once('SIGINT', () => {
    clean()
    process.exit(130)
  })
  try {
    if (!values['no-build']) {
      tell('the build')
      await command('npm', ['run', 'build'], { cwd: ROOT })
    }
    const { out, version, sysroot } = values
    const built = await buildPackage({ target, work, out: resolve(out), version, sysroot, tell })
    const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
    tell(`${built.file}: ${mb(built.bytes)}, ${mb(built.installedBytes)} installed`)
  } finally {
    clean()
  }
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
