import { readdir, rm } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import type { Target } from './arch.ts'

/** Files that nobody loads at run time. */
const WASTE_FILE =
  /\.(?:md|markdown|map|ts|mts|cts|tsx|flow|h|hpp|c|cc|cpp|gyp|gypi|o|a|tsbuildinfo|yml|iml|snap)$|^(?:\.|Makefile|tsconfig|jest\.config|karma|rollup)/i
const KEPT = /^(?:LICEN[CS]E|NOTICE|COPYING|COPYRIGHT)/i

/** Folders of packages that hold no code which an agent runs. */
const WASTE_FOLDER =
  /^(?:test|tests|__tests__|bench|benchmark|benchmarks|docs?|examples?|coverage|\.github|\.vscode|typings)$/

/**
 * TensorFlow.js ships each package six times over. `main` is the one that Node.js loads; of the WASM
 * backend also the binaries beside it.
 */
const TENSORFLOW_MAIN = /^tf-[a-z-]+\.node\.js$/

/** Leaves out what does not run on the target; licences stay. */
export async function prune(modules: string, target: Target): Promise<void> {
  await pruneTensorflow(join(modules, '@tensorflow'))
  await pruneTree(modules, modules, target)
}

async function pruneTensorflow(scope: string): Promise<void> {
  for (const name of await readdir(scope)) {
    const entries = await readdir(join(scope, name), { withFileTypes: true })
    for (const entry of entries.filter((each) => each.isDirectory() && each.name !== 'dist')) {
      if (!['wasm-out', 'node_modules'].includes(entry.name)) {
        await rm(join(scope, name, entry.name), { recursive: true })
      }
    }
    const dist = join(scope, name, 'dist')
    for (const entry of await readdir(dist, { withFileTypes: true })) {
      if (TENSORFLOW_MAIN.test(entry.name) || /\.wasm$/.test(entry.name)) continue
      await rm(join(dist, entry.name), { recursive: true })
    }
  }
}

async function pruneTree(folder: string, root: string, target: Target): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (isWaste(path, root, target)) await rm(path, { recursive: true })
      else await pruneTree(path, root, target)
    } else if (WASTE_FILE.test(entry.name) && !KEPT.test(entry.name)) await rm(path)
  }
}

function isWaste(path: string, root: string, target: Target): boolean {
  const name = basename(path)
  const inside = relative(root, path).split('/')
  // Right below a package's own folder: deeper ones may be code (`yaml/dist/doc`).
  if (name === '.bin') return true
  if (name === 'node_modules') return false
  const own = inside.lastIndexOf('node_modules') + 1
  const depth = own + (inside[own].startsWith('@') ? 2 : 1)
  if (inside.length === depth + 1 && WASTE_FOLDER.test(name)) return true
  // Binaries for every platform in one package, by folders such as `linux-arm64` and `android-arm`.
  const platform = /^(?:linux|darwin|win32|android|freebsd|openbsd|musl)[-_]/.test(name)
  return platform && inside.includes('prebuilds') && name !== `linux-${target.npm}`
}
