import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './cli.ts'
import { until } from './until.ts'

const SOURCES = join(ROOT, 'agent/web/page')
const BUILT = join(ROOT, 'dist/agent/web/page/index.html')
const LOCK = join(ROOT, 'dist/page-build.lock')

function newestMs(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (newest, { parentPath, name }) => Math.max(newest, statSync(join(parentPath, name)).mtimeMs),
      0,
    )
}

function isFresh(): boolean {
  const built = statSync(BUILT, { throwIfNoEntry: false })
  return built !== undefined && built.mtimeMs >= newestMs(SOURCES)
}

/** Builds the page where it is missing or older than its sources; test files that run at once build it once. */
export async function buildPage(): Promise<void> {
  if (isFresh()) return
  mkdirSync(join(ROOT, 'dist'), { recursive: true })
  const held = await until('the lock of the page build', () => {
    if (isFresh()) return 'fresh'
    try {
      mkdirSync(LOCK)
      return 'held'
    } catch {
      return undefined
    }
  }).catch((error: unknown) => {
    // Left by a run that was killed.
    rmSync(LOCK, { recursive: true, force: true })
    throw error
  })
  if (held === 'fresh') return
  try {
    const vite = join(ROOT, 'node_modules/vite/bin/vite.js')
    const config = join(SOURCES, 'vite.config.ts')
    await promisify(execFile)(process.execPath, [
      vite,
      'build',
      '--config',
      config,
      '--logLevel',
      'error',
    ])
  } finally {
    rmSync(LOCK, { recursive: true, force: true })
  }
}
