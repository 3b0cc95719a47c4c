import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CentralError } from './errors.ts'

/** Apache Kafka 4 runs on Java 17 and newer. */
const MIN_JAVA = 17

type Tell = (message: string) => void

/** A Java to run with, and what it says of its version. */
export interface Java {
  readonly path: string
  readonly version: string
}

/** The `java` to run with. Installs it on Debian and Ubuntu as root, else rejects with the way to it. */
export async function findJava(tell: Tell): Promise<Java> {
  const found = await javaTool('java')
  if (found) return found
  await install('java', 'openjdk-17-jre-headless', tell)
  return (await javaTool('java'))!
}

/** The `mvn` to build with, and a `javac` for it; installs them like `findJava`. */
export async function findMaven(tell: Tell): Promise<string> {
  if (!(await javaTool('javac'))) await install('javac', 'openjdk-17-jdk-headless', tell)
  return onPath('mvn') ?? (await install('mvn', 'maven', tell))
}

/** A Java tool of at least `MIN_JAVA`: JAVA_HOME first, as everything on a JVM has it. */
async function javaTool(tool: string): Promise<Java | undefined> {
  const home = process.env.JAVA_HOME
  const path = home && existsSync(join(home, 'bin', tool)) ? join(home, 'bin', tool) : onPath(tool)
  if (!path) return undefined
  const { output } = await run(path, ['-version'])
  const version = Number(/(?:version "|javac )(\d+)/.exec(output)?.[1])
  return version >= MIN_JAVA ? { path, version: output.trim() } : undefined
}

function onPath(tool: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, tool))
    .find(existsSync)
}

async function install(tool: string, debianPackage: string, tell: Tell): Promise<string> {
  const code = tool === 'mvn' ? 'MAVEN_MISSING' : 'JAVA_MISSING'
  const what = tool === 'mvn' ? 'Apache Maven' : `Java ${MIN_JAVA} or newer (${tool})`
  const apt = onPath('apt-get')
  if (!apt || process.getuid?.() !== 0) {
    throw new CentralError(code, `${what} is not installed.`, { hint: hint(tool, debianPackage) })
  }
  tell(`${what} is missing; installing the package ${debianPackage} …`)
  // The lists of a fresh container are empty, and of an old one outdated.
  await run(apt, ['update', '-qq'])
  const { exitCode, output } = await run(apt, [
    ...['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'],
    debianPackage,
  ])
  const path = tool === 'mvn' ? onPath(tool) : (await javaTool(tool))?.path
  if (exitCode === 0 && path) return path
  throw new CentralError(code, `Installing ${debianPackage} failed: ${output.trim().slice(-500)}`, {
    hint: hint(tool, debianPackage),
  })
}

function hint(tool: string, debianPackage: string): string {
  if (process.platform === 'darwin') {
    return tool === 'mvn' ? 'brew install maven' : 'brew install --cask temurin@17'
  }
  if (onPath('apt-get')) return `sudo apt-get install -y ${debianPackage}`
  if (onPath('dnf')) {
    const suffix = tool === 'javac' ? 'devel' : 'headless'
    return `sudo dnf install -y ${tool === 'mvn' ? 'maven' : `java-17-openjdk-${suffix}`}`
  }
  return `Install ${tool === 'mvn' ? 'Apache Maven 3.8' : `a JDK ${MIN_JAVA}`} or newer and put it on the PATH.`
}

function run(command: string, args: string[]): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    let output = ''
    const keep = (chunk: Buffer) => {
      output = (output + chunk).slice(-10_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', reject)
    child.once('close', (exitCode) => resolve({ exitCode: exitCode ?? 1, output }))
  })
}
