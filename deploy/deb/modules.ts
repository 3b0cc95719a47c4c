import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isThisMachine, type Target } from './arch.ts'
import { APART, PIECES } from './bundle.ts'
import { command } from './steps.ts'

/**
 * Node.js in the package: the newest long-term release that the npm registry holds for both machines.
 * Not 24.19 or later: better-sqlite3 12 built with their headers aborts when garbage is collected.
 */
export const NODE_VERSION = '22.23.3'

/** Modules that are compiled, each for one version of Node.js: the others bring Node-API binaries. */
const COMPILED = ['better-sqlite3', 'better-sqlite3-multiple-ciphers']

/** Brings the target's Node.js. Answers its folder, which holds `bin` and `include`. */
export async function bringNode(target: Target, into: string): Promise<string> {
  const name = `node-linux-${target.npm}`
  await command('npm', [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--force',
    '--prefix',
    into,
    `${name}@${NODE_VERSION}`,
  ])
  return join(into, 'node_modules', name)
}

/**
 * Installs for the target what stays apart of the bundled agent into `folder`, which holds package.json
 * and its lock.
 */
export async function bringModules(target: Target, folder: string): Promise<void> {
  const machine = [`--cpu=${target.npm}`, '--os=linux', '--libc=glibc']
  await command('npm', ['ci', '--omit=dev', '--ignore-scripts', ...machine], { cwd: folder })
  const { dependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const inside = Object.keys(dependencies).filter((name) => !APART.includes(name))
  // Its native library is a download of hundreds of megabytes; compiled, WASM and CPU do without.
  const without = [...inside, '@tensorflow/tfjs-node']
  const args = ['uninstall', ...without, '--omit=dev', '--ignore-scripts', ...machine]
  await command('npm', args, { cwd: folder })
}

/** Compiles SQLite for the target's Node.js, and leaves nothing beside what it made. */
export async function compile(target: Target, folder: string, node: string): Promise<void> {
  // npm's own settings of where headers lie win over the flag: so they are set too.
  const headers = { npm_config_nodedir: node, npm_config_arch: target.npm }
  const cross: Record<string, string> = isThisMachine(target)
    ? {}
    : { CC: `${target.cross}-gcc`, CXX: `${target.cross}-g++`, AR: `${target.cross}-ar` }
  for (const name of COMPILED) {
    const where = join(folder, 'node_modules', name)
    const work = await mkdtemp(join(tmpdir(), 'milepost-deb-'))
    try {
      await cp(where, work, { recursive: true })
      await command(
        'npm',
        [
          'exec',
          '--yes',
          'node-gyp@11',
          '--',
          'rebuild',
          '--release',
          `--arch=${target.npm}`,
          `--nodedir=${node}`,
        ],
        { cwd: work, env: { ...headers, ...cross } },
      )
      const made = join(work, 'build/Release/better_sqlite3.node')
      await command(isThisMachine(target) ? 'strip' : `${target.cross}-strip`, [made])
      for (const waste of ['deps', 'src', 'build', 'binding.gyp']) {
        await rm(join(where, waste), { recursive: true, force: true })
      }
      await cp(made, join(where, 'build/Release/better_sqlite3.node'))
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }
}

/** Bytes below a folder. */
export async function sizeOf(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return bytes
}

/**
 * A program that loads every dependency and every piece of the bundled agent, and stores a row; the
 * target's Node.js runs it.
 */
export async function writeTrial(folder: string, dependencies: readonly string[]): Promise<string> {
  const pieces = await readdir(join(folder, 'dist', PIECES))
  const names = [...dependencies, ...pieces.map((piece) => `./dist/${PIECES}/${piece}`)]
  const file = join(folder, '.trial.mjs')
  await writeFile(
    file,
    `const failed = []
for (const name of ${JSON.stringify(names)}) {
  try { await import(name) } catch (error) { failed.push(name + ': ' + error.message) }
}
const { default: Database } = await import(${JSON.stringify(COMPILED[0])})
const db = new Database(':memory:')
db.exec('create table t(x); insert into t values (42)')
if (db.prepare('select x from t').get().x !== 42) failed.push('SQLite gave back another value')
if (failed.length) { console.error(failed.join('\\n')); process.exit(1) }
console.log(process.arch, process.version)
`,
  )
  return file
}
