import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after } from 'node:test'
import { promisify } from 'node:util'
import { cacheFolder } from '../../deploy/central/cache.ts'
import { withFileLock } from '../../deploy/central/file-lock.ts'
import { freePort } from '../../deploy/central/ports.ts'
import { findJava, findMaven } from '../../deploy/central/toolchain.ts'
import { until } from './until.ts'

const run = promisify(execFile)

// The last release that Java 17 runs. Its REST API in Confluent's form lies under a path of its own.
const VERSION = '2.6.13.Final'
const ARTIFACT = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy'
const API_PATH = '/apis/ccompat/v7'
const FETCH_LIMIT_MS = 300_000

/** A real schema registry (Apicurio), which is lost when it ends. */
export interface TestRegistry {
  readonly url: string
  stop(): void
}

/** The registry of MILEPOST_TEST_REGISTRY, else one that is started now and ends after the file. */
export async function useRegistry(): Promise<TestRegistry> {
  const given = process.env.MILEPOST_TEST_REGISTRY
  if (given) return { url: given, stop: () => {} }
  const registry = await startRegistry()
  after(() => registry.stop())
  return registry
}

async function startRegistry(): Promise<TestRegistry> {
  const folder = await fetchRegistry()
  const java = await findJava((message) => console.error(message))
  const port = await freePort()
  const child = spawn(
    java.path,
    [
      ...['-Xmx256m', '-XX:TieredStopAtLevel=1', `-Dquarkus.http.port=${port}`],
      ...['-Dquarkus.http.host=127.0.0.1', '-Dquarkus.log.level=WARN'],
      ...['-jar', join(folder, `apicurio-registry-app-${VERSION}-runner.jar`)],
    ],
    { stdio: 'ignore' },
  )
  const stop = () => void child.kill('SIGKILL')
  process.once('exit', stop)
  const url = `http://127.0.0.1:${port}${API_PATH}`
  await until('the schema registry', async () => {
    if (hasEnded(child)) throw new Error('the schema registry has ended')
    return fetch(`${url}/subjects`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  return {
    url,
    stop: () => {
      process.off('exit', stop)
      stop()
    },
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null

/** Its folder in the cache; fetched through Maven once. */
async function fetchRegistry(): Promise<string> {
  const cache = cacheFolder()
  const folder = join(cache, `apicurio-${VERSION}`)
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  await withFileLock(
    join(cache, 'registry-lock'),
    async () => {
      if (existsSync(folder)) return
      console.error(`fetching ${ARTIFACT}`)
      const mvn = await findMaven((message) => console.error(message))
      const work = await mkdtemp(join(cache, 'registry-'))
      try {
        const args = [`-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${work}`]
        await run(mvn, ['-q', '-B', '--strict-checksums', COPY, ...args], {
          timeout: FETCH_LIMIT_MS,
        })
        const out = join(work, 'out')
        await mkdir(out)
        await run('tar', [
          'xzf',
          join(work, `apicurio-registry-app-${VERSION}-all.tar.gz`),
          '-C',
          out,
        ])
        await rename(out, folder)
      } finally {
        await rm(work, { recursive: true, force: true })
      }
    },
    () => {},
  )
  return folder
}
