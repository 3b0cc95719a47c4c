import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { cacheFolder, markUsed, pruneCache } from './cache.ts'
import { CentralError } from './errors.ts'
import { withFileLock } from './file-lock.ts'
import { CENTRAL_HOME } from './home.ts'
import { findMaven } from './toolchain.ts'

/** Maven's modules under this folder; each becomes a folder of jars. */
const MODULES = ['tether', 'broker', 'object-store', 'tier-local', 'tier-s3'] as const
export type Module = (typeof MODULES)[number]

export interface Artifacts {
  /** The folder of this version, outside the checkout; it is complete and never changes. */
  readonly folder: string
  /** Paths of the module's jars, sorted: a class data archive only fits the order it was made with. */
  jars(module: Module): Promise<string[]>
}

/**
 * The jars that central runs: from the cache, else fetched and built by Maven into it. A version is
 * named by the hash of the poms and Java sources, so that a changed pom is a new folder and an old
 * checkout still finds its own. Maven compares checksums strictly.
 */
export async function fetchArtifacts(tell: (message: string) => void): Promise<Artifacts> {
  const sources = await sourceFiles()
  const cache = cacheFolder()
  const folder = join(cache, await hashOf(sources))
  if (!existsSync(folder)) {
    await withFileLock(
      join(cache, 'lock'),
      async () => {
        if (existsSync(folder)) return
        await build(sources, folder, tell)
        await pruneCache(cache)
      },
      (pid) => tell(`Waiting for process ${pid}, which is fetching central's jars …`),
    )
  }
  await markUsed(folder)
  return {
    folder,
    jars: async (module) =>
      (await readdir(join(folder, module))).sort().map((jar) => join(folder, module, jar)),
  }
}

/** Poms and Java sources, without tests: a changed test must not fetch anything anew. */
async function sourceFiles(): Promise<string[]> {
  const inModules = await Promise.all(
    MODULES.map(async (module) => [
      join(module, 'pom.xml'),
      ...(await filesUnder(join(CENTRAL_HOME, module, 'src/main'))),
    ]),
  )
  return ['pom.xml', ...inModules.flat()].sort()
}

async function filesUnder(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return []
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(CENTRAL_HOME, join(entry.parentPath, entry.name)))
}

async function hashOf(files: string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) {
    hash
      .update(`${file}\0`)
      .update(await readFile(join(CENTRAL_HOME, file)))
      .update('\0')
  }
  return hash.digest('hex').slice(0, 16)
}

/** Builds in a folder of its own and renames it last: what is in the cache is whole. */
async function build(sources: string[], folder: string, tell: (message: string) => void) {
  const mvn = await findMaven(tell)
  const work = `${folder}.${process.pid}`
  const out = join(work, 'out')
  try {
    for (const file of sources) {
      await mkdir(dirname(join(work, file)), { recursive: true })
      await cp(join(CENTRAL_HOME, file), join(work, file))
    }
    tell(
      'Fetching Apache Kafka, the S3 server and their libraries (once; later starts are offline) …',
    )
    await runMaven(mvn, work, ['package', '-Dmaven.test.skip=true', `-Dmilepost.out=${out}`], tell)
    await rename(out, folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Runs Maven in `folder` with strict checksums, telling how many files and bytes have come. */
export async function runMaven(
  mvn: string,
  folder: string,
  args: string[],
  tell: (message: string) => void,
): Promise<void> {
  const child = spawn(mvn, ['--batch-mode', '--strict-checksums', '--update-snapshots', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  let files = 0
  let bytes = 0
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      const size = /^(?:\[INFO\] )?Downloaded from \S+: \S+ \(([\d.]+) (B|kB|MB|GB)/.exec(line)
      if (size) {
        files++
        bytes += Number(size[1]) * { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[size[2] as 'B']
        tell(`Fetched ${files} files, ${(bytes / 1e6).toFixed(1)} MB`)
      } else if (!/Download(?:ing|ed) from|^\s*$/.test(line)) {
        lines.push(line)
        if (lines.length > 200) lines.shift()
      }
    }
  }
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
  const [exitCode] = await Promise.all([exit, read(child.stdout), read(child.stderr)])
  if (exitCode === 0) return
  const faults = lines.filter((line) => line.includes('[ERROR]'))
  throw new CentralError(
    'ARTIFACTS_FAILED',
    `Maven failed:\n${(faults.length > 0 ? faults : lines).slice(0, 20).join('\n')}`,
    {
      hint: 'The first start needs the network and Maven Central (or a mirror set in ~/.m2/settings.xml).',
    },
  )
}
