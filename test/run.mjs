// Runs the tests: `node test/run.mjs [fast|real|all] [path part …]`.
// fast: `*.test.ts`, no server needed. real: `*.real.test.ts`, against Apache Kafka and an S3 server;
// where several files need a broker, they share one. Where many files run, `milepost` is built first.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { strip } from './stripped/strip.mjs'

const args = process.argv.slice(2)
const group = ['fast', 'real', 'all'].includes(args[0]) ? args.shift() : 'all'
/** So many files start `milepost` often enough that building it pays. */
const MANY_FILES = 20
const SOURCES = ['agent', 'deploy', 'models', 'sensors', 'sync']
const BUILT = 'dist/agent/cli/main.js'

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
  )
}

const isReal = (file) => file.endsWith('.real.test.ts')
const files = walk('test')
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => group === 'all' || isReal(file) === (group === 'real'))
  .filter((file) => args.length === 0 || args.some((part) => file.includes(part)))
  // Those that wait for a broker first, so that the quick ones fill the gaps.
  .sort((a, b) => isReal(b) - isReal(a) || a.localeCompare(b))
if (files.length === 0) {
  console.error(`No test file matches ${[group, ...args].join(' ')}.`)
  process.exit(2)
}

const env = { ...process.env }
if (files.length >= MANY_FILES && !isFresh()) {
  spawnSync(process.execPath, ['node_modules/typescript/bin/tsc'], { stdio: 'inherit' })
}
if (isFresh()) env.MILEPOST_TEST_BUILT = '1'

// Once for all processes of this run, which start in half the time: what is left of the sources without
// their types, or, where Node.js takes them as they are, what it compiled.
const folder = mkdtempSync(join(tmpdir(), 'milepost-run-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
// Some tests run a program as a user without rights.
chmodSync(folder, 0o755)
const typescript = []
if (process.features.typescript) env.NODE_COMPILE_CACHE = folder
else {
  await strip(
    [...SOURCES, 'test'].flatMap(walk).filter((file) => file.endsWith('.ts')),
    folder,
  )
  const register = new URL('./stripped/register.mjs', import.meta.url)
  register.searchParams.set('folder', folder)
  typescript.push('--import', register.href)
}
env.MILEPOST_TEST_TYPESCRIPT = JSON.stringify(typescript)

/** Whether the command was built of the sources as they are; else tests run it from the sources. */
function isFresh() {
  const builtMs = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return SOURCES.flatMap(walk)
    .filter((file) => /\.(ts|json)$/.test(file))
    .every((file) => statSync(file).mtimeMs <= builtMs)
}

let runner
process.on('SIGINT', () => (runner ? runner.kill('SIGINT') : process.exit(130)))

let central
const sharing = files.filter((file) => readFileSync(file, 'utf8').includes('useCentral('))
if (sharing.length > 1 && !env.MILEPOST_TEST_BOOTSTRAP) {
  central = spawn(process.execPath, [...typescript, 'test/support/shared-central.ts'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env,
  })
  const [line] = await Promise.race([
    once(central.stdout.setEncoding('utf8'), 'data'),
    once(central, 'exit').then(() => ['']),
  ])
  if (!line.trim()) process.exit(1)
  env.MILEPOST_TEST_BOOTSTRAP = line.trim()
}

const concurrency = `--test-concurrency=${availableParallelism()}`
runner = spawn(
  process.execPath,
  [...typescript, '--test', '--test-timeout=600000', concurrency, ...files],
  { stdio: 'inherit', env },
)
const [code] = await once(runner, 'exit')
if (central) {
  central.stdin.end()
  await once(central, 'exit')
}
process.exit(code ?? 1)
