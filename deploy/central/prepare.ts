import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Artifacts, fetchArtifacts } from './artifacts.ts'
import { startBroker } from './broker.ts'
import { withFileLock } from './file-lock.ts'
import { freePort } from './ports.ts'
import { tierProperties } from './tier.ts'
import { findJava } from './toolchain.ts'

export interface Prepared {
  /** Path of the Java to run with. */
  readonly java: string
  readonly artifacts: Artifacts
  /** A class data archive for the broker; none where making it failed. */
  readonly classData: string | undefined
}

/** Everything a start needs that is not in its data directory: Java, jars, the class data archive. */
export async function prepare(tell: (message: string) => void): Promise<Prepared> {
  const java = await findJava(tell)
  const artifacts = await fetchArtifacts(tell)
  const javaId = createHash('sha256').update(java.version).digest('hex').slice(0, 8)
  const archive = `${artifacts.folder}.${javaId}.jsa`
  if (!existsSync(archive)) {
    await withFileLock(`${archive}.lock`, async () => {
      if (!existsSync(archive)) await makeArchive(java.path, artifacts, archive, tell)
    })
  }
  return { java: java.path, artifacts, classData: existsSync(archive) ? archive : undefined }
}

/**
 * Runs a broker in a folder that goes again, and has the JVM write down the classes that it loaded
 * (class data sharing, JEP 350). Starts from the archive take half the processor time. An archive
 * that does not fit is ignored by the JVM; one that cannot be made is no reason not to start.
 */
async function makeArchive(
  java: string,
  artifacts: Artifacts,
  archive: string,
  tell: (message: string) => void,
): Promise<void> {
  tell('Preparing quick starts (once) …')
  const dataDir = await mkdtemp(join(tmpdir(), 'milepost-class-data-'))
  const made = join(dirname(archive), `.${process.pid}-${randomBytes(4).toString('hex')}.jsa`)
  try {
    await mkdir(join(dataDir, 'logs'))
    const broker = await startBroker({
      java,
      artifacts,
      classData: undefined,
      recordClassData: made,
      dataDir,
      logDir: join(dataDir, 'broker'),
      clusterId: 'class-data-archive-000',
      kafkaPort: await freePort(),
      controllerPort: await freePort(),
      overlay: await tierProperties('local', {
        jars: artifacts.folder,
        tierDir: join(dataDir, 'tier'),
      }),
      maxHeapMb: 512,
    })
    await broker.stop()
    await rename(made, archive)
  } catch (error) {
    tell(`No quick starts: ${error instanceof Error ? error.message : error}`)
  } finally {
    await rm(made, { force: true })
    await rm(dataDir, { recursive: true, force: true })
  }
}
