import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { SENSOR_KINDS } from '../sensors/registry.ts'

const ROOT = join(import.meta.dirname, '..')
const ROOMS = ['agent', 'sensors', 'models', 'sync', 'deploy'] as const
type Room = (typeof ROOMS)[number]

/** What each room may import from, beside itself: arrows go down only. */
const MAY_SEE: Readonly<Record<Room, readonly RegExp[]>> = {
  agent: [/^sensors\//, /^models\//, /^sync\//, /^deploy\/central\//],
  models: [/^sensors\/reading\.ts$/],
  sensors: [],
  sync: [],
  // Central makes its topics through the one door to Kafka, and folders in the one way that never hangs.
  deploy: [/^sync\/kafka\/admin\.ts$/, /^models\/durable\.ts$/],
}

/** One library behind one door; a type alone may pass. */
const DOORS: Readonly<Record<string, RegExp>> = {
  kafkajs: /^sync\/kafka\//,
  avsc: /^sync\/avro\//,
  '@kafkajs/': /^sync\/avro\//,
  'better-sqlite3': /^sync\/outbox\//,
  'better-sqlite3-multiple-ciphers': /^sync\/outbox\//,
  '@tensorflow/': /^models\/runtime\//,
  'tuf-js': /^models\/release\//,
  'tuf-js/': /^models\/release\//,
  '@aws-sdk/': /^models\/release\//,
  '@tufjs/': /^models\/release\//,
  serialport: /^sensors\/serial\//,
  commander: /^(agent\/cli|deploy\/central)\//,
  pino: /^agent\//,
  'prom-client': /^agent\/metrics\//,
  fastify: /^agent\/web\//,
  '@fastify/': /^agent\/web\//,
  'js-quantities': /^agent\/names\//,
  '@marcbachmann/cel-js': /^agent\/collection\//,
  re2js: /^sensors\/lines\//,
  'lz4-napi': /^sync\/kafka\//,
  snappy: /^sync\/kafka\//,
  // The kernel's own calls, each where it is needed and nowhere else.
  koffi: /^(agent\/(control|memory|systemd|time)|sensors\/can|sync\/outbox)\//,
}

/** A file past this many lines has two subjects. */
const MAX_LINES = 300

/** So many files are not found by looking through them. */
const PAGE_AT_FILES = 10
/** Folders whose files say by their names all that a page could. */
const BY_THEIR_NAMES: ReadonlySet<string> = new Set([
  'agent/web/page/parts',
  'agent/web/page/views',
])

interface Source {
  readonly path: string
  readonly lines: number
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[]
}

function sources(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry): Source[] => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'target' ? [] : sources(path)
    if (!/\.tsx?$/.test(entry.name)) return []
    const text = readFileSync(join(ROOT, path), 'utf8')
    const found = text.matchAll(
      /^\s*(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'|import\('([^']+)'\)|^import\s+'([^']+)'/gm,
    )
    const imports = [...found].map(([, type, from, dynamic, bare]) => ({
      from: from ?? dynamic ?? bare,
      typeOnly: type !== undefined,
    }))
    return [{ path, lines: text.split('\n').length - 1, imports }]
  })
}

const all = ROOMS.flatMap(sources)

test('there is a house to look at', () => {
  for (const room of ROOMS)
    assert.ok(
      all.some(({ path }) => path.startsWith(`${room}/`)),
      room,
    )
  assert.ok(all.reduce((sum, { imports }) => sum + imports.length, 0) > 200)
})

test('arrows between rooms go down only', () => {
  const wrong = all.flatMap(({ path, imports }) => {
    const room = path.split('/')[0] as Room
    return imports
      .filter(({ from }) => from.startsWith('.'))
      .map(({ from }) => relative(ROOT, resolve(ROOT, dirname(path), from)))
      .filter((to) => to.split('/')[0] !== room && !MAY_SEE[room].some((door) => door.test(to)))
      .map((to) => `${path} imports ${to}`)
  })
  assert.deepEqual(wrong, [])
})

test('one library behind one door', () => {
  const wrong = all.flatMap(({ path, imports }) =>
    imports
      .filter(({ typeOnly }) => !typeOnly)
      .filter(({ from }) =>
        Object.entries(DOORS).some(
          ([library, door]) =>
            (from === library || (library.endsWith('/') && from.startsWith(library))) &&
            !door.test(path),
        ),
      )
      .map(({ from }) => `${path} imports ${from}`),
  )
  assert.deepEqual(wrong, [])
})

/** Runs in a browser. */
const IN_BROWSER = /^agent\/web\/page\//

test('AbortSignal.any is nowhere where a process lives long: see stopUnder in sensors/wait.ts', () => {
  const wrong = all.filter(
    ({ path }) =>
      !IN_BROWSER.test(path) && readFileSync(join(ROOT, path), 'utf8').includes('AbortSignal.any('),
  )
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  )
})

test(`no file is longer than ${MAX_LINES} lines`, () => {
  const long = all.filter(({ lines }) => lines > MAX_LINES)
  assert.deepEqual(
    long.map(({ path, lines }) => `${path}: ${lines}`),
    [],
  )
})

test('every kind of sensor has a folder with a README that shows its config', () => {
  for (const { kind } of SENSOR_KINDS) {
    const homes = readdirSync(join(ROOT, 'sensors')).filter((folder) => {
      const readme = join(ROOT, 'sensors', folder, 'README.md')
      return existsSync(readme) && new RegExp(`kind: ${kind}\\b`).test(readFileSync(readme, 'utf8'))
    })
    assert.ok(homes.length > 0, `no README shows kind: ${kind}`)
  }
})

test(`a folder of ${PAGE_AT_FILES} files or more has a page of its own`, () => {
  const counts = new Map<string, number>()
  for (const { path } of all) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
  const without = [...counts].filter(
    ([folder, count]) =>
      count >= PAGE_AT_FILES &&
      !BY_THEIR_NAMES.has(folder) &&
      !existsSync(join(ROOT, folder, 'README.md')),
  )
  assert.deepEqual(without, [])
})

test('every file is named in the README of its folder, where there is one', () => {
  const folders = [...ROOMS, 'test'].flatMap(foldersWithReadme)
  assert.ok(folders.length > 30)
  const missing = folders.flatMap((folder) => {
    const text = readFileSync(join(ROOT, folder, 'README.md'), 'utf8')
    const named = [...text.matchAll(/[\w*./-]+\.ts\b/g)].map(([name]) => patternOf(name))
    return readdirSync(join(ROOT, folder))
      .filter((file) => file.endsWith('.ts') && !named.some((name) => name.test(file)))
      .map((file) => `${folder}/README.md does not name ${file}`)
  })
  assert.deepEqual(missing, [])
})

/** Of a file's name in a README; `*` stands for any run of characters. */
function patternOf(name: string): RegExp {
  return new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
}

function foldersWithReadme(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true })
  const below = entries
    .filter((entry) => entry.isDirectory() && !['node_modules', 'target'].includes(entry.name))
    .flatMap(({ name }) => foldersWithReadme(join(folder, name)))
  return entries.some(({ name }) => name === 'README.md') ? [folder, ...below] : below
}
