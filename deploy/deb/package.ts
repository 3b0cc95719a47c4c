import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { isThisMachine, libFolder, startOf, type Target } from './arch.ts'
import { bundleAgent } from './bundle.ts'
import { bringModules, bringNode, compile, NODE_VERSION, sizeOf, writeTrial } from './modules.ts'
import { prune } from './prune.ts'
import { command } from './steps.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DEBIAN = join(ROOT, 'deploy/deb/debian')
const SYSTEMD = join(ROOT, 'deploy/systemd')

/** The page, as `npm run build` makes it. */
const PAGE = 'dist/agent/web/page'

export interface BuildOptions {
  readonly target: Target
  /** Empty folder to work in. */
  readonly work: string
  /** Where the package goes. */
  readonly out: string
  readonly version: string
  /** The target's C library, to try the target's programs under qemu-user; not tried without. */
  readonly sysroot?: string
  tell(what: string): void
}

export interface Built {
  readonly file: string
  readonly bytes: number
  readonly installedBytes: number
}

/** Builds the Debian package of a checkout that was built (`npm run build`). */
export async function buildPackage(options: BuildOptions): Promise<Built> {
  const { target, work, out, version, tell } = options
  const stage = join(work, 'stage')
  const lib = libFolder(stage)
  await mkdir(lib, { recursive: true })

  tell(`Node.js ${NODE_VERSION} for ${target.arch}`)
  const node = await bringNode(target, join(work, 'node'))
  await mkdir(join(lib, 'node/bin'), { recursive: true })
  await cp(join(node, 'bin/node'), join(lib, 'node/bin/node'))
  await cp(join(node, 'LICENSE'), join(lib, 'node/LICENSE'))
  await command(isThisMachine(target) ? 'strip' : `${target.cross}-strip`, [
    join(lib, 'node/bin/node'),
  ])

  tell('the agent')
  await copyAgent(lib)
  tell('production dependencies')
  await bringModules(target, lib)
  tell('SQLite, compiled for the target')
  await compile(target, lib, node)
  tell('what does not run there is left out')
  await prune(join(lib, 'node_modules'), target)
  await tryModules(options, lib)

  tell('packing')
  await lay(stage)
  const installedBytes = await sizeOf(stage)
  await control(stage, target, version, installedBytes)
  await mkdir(out, { recursive: true })
  const file = join(out, `milepost_${version}_${target.arch}.deb`)
  await command('dpkg-deb', ['--root-owner-group', '-Zxz', '-z6', '--build', stage, file])
  const bytes = (await readFile(file)).length
  return { file, bytes, installedBytes }
}

async function copyAgent(lib: string): Promise<void> {
  await bundleAgent(ROOT, join(lib, 'dist'))
  await cp(join(ROOT, PAGE), join(lib, PAGE), { recursive: true })
  for (const path of [
    'package.json',
    'package-lock.json',
    'LICENSE',
    'agent/config/default.yaml',
    'models/bundles',
    'models/training/recipes',
    'sensors/simulator/vehicle.dbc',
  ]) {
    await cp(join(ROOT, path), join(lib, path), { recursive: true })
  }
}

/** Each dependency is loaded once by the Node.js that will load it, before anybody installs it. */
async function tryModules({ target, sysroot, tell }: BuildOptions, lib: string): Promise<void> {
  if (!isThisMachine(target) && !sysroot) {
    tell('not tried: no --sysroot with the C library of the target')
    return
  }
  const { dependencies } = JSON.parse(await readFile(join(lib, 'package.json'), 'utf8'))
  const trial = await writeTrial(lib, Object.keys(dependencies))
  const [program, ...args] = startOf(target, sysroot, join(lib, 'node/bin/node'))
  const said = await command(program, [...args, trial])
  await rm(trial)
  tell(`every dependency and every piece of the agent loads: ${said.trim().split('\n').at(-1)}`)
}

/** Everything outside /usr/lib/milepost. */
async function lay(stage: string): Promise<void> {
  const files: [from: string, to: string, mode: number][] = [
    [join(DEBIAN, 'milepost.sh'), 'usr/bin/milepost', 0o755],
    [join(DEBIAN, 'milepost.yaml'), 'etc/milepost/milepost.yaml', 0o640],
    [join(SYSTEMD, 'milepost.service'), 'usr/lib/systemd/system/milepost.service', 0o644],
    [join(SYSTEMD, '60-milepost.rules'), 'usr/lib/udev/rules.d/60-milepost.rules', 0o644],
    [join(SYSTEMD, '80-can.network'), 'usr/share/doc/milepost/80-can.network', 0o644],
    [join(ROOT, 'agent/README.md'), 'usr/share/doc/milepost/README.md', 0o644],
    [join(ROOT, 'LICENSE'), 'usr/share/doc/milepost/copyright', 0o644],
  ]
  for (const [from, to, mode] of files) {
    const path = join(stage, to)
    await mkdir(dirname(path), { recursive: true })
    await cp(from, path)
    await chmod(path, mode)
  }
  const changes = gzipSync(await readFile(join(ROOT, 'CHANGELOG.md')), { level: 9 })
  await writeFile(join(stage, 'usr/share/doc/milepost/changelog.gz'), changes)
}

async function control(
  stage: string,
  target: Target,
  version: string,
  installedBytes: number,
): Promise<void> {
  const folder = join(stage, 'DEBIAN')
  await mkdir(folder)
  const values: Record<string, string> = {
    version,
    arch: target.arch,
    maintainer: 'milepost maintainers <maintainers@milepost.invalid>',
    installedKiB: String(Math.ceil(installedBytes / 1024)),
  }
  const text = await readFile(join(DEBIAN, 'control'), 'utf8')
  await writeFile(
    join(folder, 'control'),
    text.replace(/\$\{(\w+)\}/g, (_, key: string) => values[key]),
  )
  await cp(join(DEBIAN, 'conffiles'), join(folder, 'conffiles'))
  for (const script of ['postinst', 'prerm', 'postrm']) {
    await cp(join(DEBIAN, script), join(folder, script))
    await chmod(join(folder, script), 0o755)
  }
}
