import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { build, type Metafile, type Plugin } from 'esbuild'

/** Rooms that run on a vehicle. */
const ROOMS = ['agent', 'sensors', 'models', 'sync'] as const
const MAIN = 'agent/cli/main.ts'
/** Folder of the code that several share or that is loaded on demand. */
export const PIECES = 'chunks'
/** Modules that are started by their name, as a thread or as a process. */
const STARTED = /-(?:worker|process)\.ts$/
const LICENCE = /^(?:licen[cs]e|copying)/i

/**
 * Packages that stay folders of their own: native code, what is loaded by its name and only where it is
 * used (`lazy`, codecs), and kafkajs, whose modules are replaced one by one.
 */
export const APART: readonly string[] = [
  '@hpcc-js/wasm-zstd',
  '@kafkajs/confluent-schema-registry',
  '@marcbachmann/cel-js',
  '@tensorflow/tfjs-backend-cpu',
  '@tensorflow/tfjs-backend-wasm',
  '@tensorflow/tfjs-core',
  '@tensorflow/tfjs-data',
  '@tensorflow/tfjs-layers',
  '@tensorflow/tfjs-node',
  'better-sqlite3',
  'better-sqlite3-multiple-ciphers',
  'csv-parse',
  'js-quantities',
  'kafkajs',
  'koffi',
  'lz4-napi',
  'nmea-simple',
  'node-cron',
  'pino-pretty',
  're2js',
  'serialport',
  'snappy',
  'uplot',
]

/**
 * Makes a few dozen files of the agent and the packages that it uses, in the place of thousands: they
 * start sooner, and take less memory and disk. Code that is loaded on demand stays apart, and each
 * program and thread keeps its path in `dist`.
 * @param into the folder `dist` of the package
 * @param programs more to start it with, as paths from the root, such as a test's
 * @returns the packages whose code is inside
 */
export async function bundleAgent(
  root: string,
  into: string,
  programs: readonly string[] = [],
): Promise<string[]> {
  const started = ROOMS.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((path) => STARTED.test(path))
      .map((path) => join(room, path)),
  )
  const { metafile } = await build({
    entryPoints: [MAIN, ...started, ...programs].map((path) => join(root, path)),
    absWorkingDir: root,
    outbase: root,
    outdir: into,
    chunkNames: `${PIECES}/[name]-[hash]`,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: APART.flatMap((name) => [name, `${name}/*`]),
    // Names stay, so that a trace in a log can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 200,
    legalComments: 'none',
    // What was written as CommonJS asks for the modules of Node.js by `require`.
    banner: {
      js: "import{createRequire as $require}from'node:module';globalThis.require??=$require(import.meta.url);",
    },
    plugins: [seenFromDist(root), withoutUndici],
    metafile: true,
    logLevel: 'error',
  })
  const packages = packagesOf(metafile)
  await writeFile(join(into, 'THIRD-PARTY.txt'), await notices(root, packages))
  return packages
}

/**
 * A source finds its threads and files from where `tsc` would put it, whichever file it lands in. And
 * zod is imported by its parts: the object `z` would bring all of them, forty languages included.
 */
function seenFromDist(root: string): Plugin {
  return {
    name: 'seen-from-dist',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const built = relative(root, path).replace(/\.ts$/, '.js')
        if (!ROOMS.some((room) => built.startsWith(`${room}/`))) return undefined
        const dist = "import.meta.url.slice(0,import.meta.url.lastIndexOf('/dist/')+6)"
        const contents = (await readFile(path, 'utf8'))
          .replaceAll('import.meta.url', `(${dist}+${JSON.stringify(built)})`)
          .replace("import { z } from 'zod'", "import * as z from 'zod'")
        return { contents, loader: 'ts' }
      }),
  }
}

/**
 * An `import` of node:http reads every name that it exports, and one of them, WebSocket, loads undici,
 * TLS and HTTP/2 for an agent that speaks HTTP on a socket of its own. `require` reads what is used.
 */
const withoutUndici: Plugin = {
  name: 'without-undici',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:node:)?http$/ }, ({ namespace }) =>
      namespace === 'http' ? undefined : { path: 'node:http', namespace: 'http' },
    )
    onLoad({ filter: /./, namespace: 'http' }, () => ({
      contents: "module.exports = process.getBuiltinModule('node:http')",
    }))
  },
}

/** Folders of the packages, below the root. */
function packagesOf({ outputs }: Metafile): string[] {
  const used = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => {
      const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]
      return folder && bytesInOutput > 0 ? [folder] : []
    }),
  )
  return [...new Set(used)].sort()
}

/** Licences ask that their text goes along with the code. */
async function notices(root: string, packages: readonly string[]): Promise<string> {
  const texts = packages.map(async (folder) => {
    const { name, version, license } = JSON.parse(
      await readFile(join(root, folder, 'package.json'), 'utf8'),
    )
    const file = readdirSync(join(root, folder)).find((entry) => LICENCE.test(entry))
    const text = file ? await readFile(join(root, folder, file), 'utf8') : `License: ${license}`
    return `${name} ${version}\n\n${text.trim()}\n`
  })
  return (await Promise.all(texts)).join(`\n${'-'.repeat(72)}\n\n`)
}
