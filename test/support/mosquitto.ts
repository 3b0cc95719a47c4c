import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { accepts, freePort } from '../../deploy/central/ports.ts'
import { findProgram, needPrograms } from './programs.ts'

const run = promisify(execFile)

/** What a real Mosquitto is started with. */
export interface MosquittoOptions {
  /** Listens with TLS 1.2 or newer, by certificates made at the start. `mutual` asks for the client's too. */
  readonly tls?: boolean | 'mutual'
  /** Nobody else may connect. Left out: everybody may. */
  readonly login?: { readonly username: string; readonly password: string }
  /** Keeps sessions and queued messages on disk, also over `kill`. */
  readonly persistent?: boolean
  /** Further lines of mosquitto.conf, such as `max_queued_messages 100000`. */
  readonly lines?: readonly string[]
}

/** A Mosquitto that is listening. */
export interface Mosquitto {
  /** `mqtt://127.0.0.1:port` or `mqtts://localhost:port`. */
  readonly url: string
  readonly port: number
  /** Folder of its config, data and certificates. */
  readonly dir: string
  /** PEM files: of the authority that signed the broker, and of a client. With `tls` alone. */
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string } | undefined
  /** All that it wrote to its log so far. */
  log(): string
  /** Ends it; the port and the folder stay, for `restart`. */
  stop(): Promise<void>
  /** Ends it without a chance to save anything. */
  kill(): Promise<void>
  /** Starts it again on the same port and folder. */
  restart(): Promise<void>
  /** Ends it and removes its folder. May be called more than once. */
  close(): Promise<void>
}

const START_TIMEOUT_MS = 15_000
/** Another process may take the free port that was found before the broker does. */
const MAX_ATTEMPTS = 5

/** Starts a broker that ends, and whose folder goes, after the test file or suite that calls this. */
export async function useMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const broker = await startMosquitto(options)
  after(() => broker.close())
  return broker
}

/** Starts a broker on a free port of this machine; the caller closes it. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const program = programPath()
  const dir = await mkdtemp(join(tmpdir(), 'milepost-mosquitto-'))
  const files = options.tls ? await makeCertificates(dir) : undefined
  if (options.login) await makePasswordFile(dir, options.login)
  let lastLog = ''
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = await freePort()
    await writeFile(join(dir, 'mosquitto.conf'), configOf(dir, port, options))
    const broker = new Broker(program, dir, port, files)
    if (await broker.start()) return broker
    lastLog = broker.log()
  }
  await rm(dir, { recursive: true, force: true })
  throw new Error(`Mosquitto did not start:\n${lastLog}`)
}

class Broker implements Mosquitto {
  readonly url: string
  readonly port: number
  readonly dir: string
  readonly files: Mosquitto['files']
  readonly #program: string
  readonly #killAtExit = (): void => void this.#child?.kill('SIGKILL')
  #child: ChildProcess | undefined
  #log = ''

  constructor(program: string, dir: string, port: number, files: Mosquitto['files']) {
    this.#program = program
    this.dir = dir
    this.port = port
    this.files = files
    this.url = files ? `mqtts://localhost:${port}` : `mqtt://127.0.0.1:${port}`
    process.once('exit', this.#killAtExit)
  }

  /** Whether it listens now; false where it ended at once. */
  async start(): Promise<boolean> {
    const child = spawn(this.#program, ['-c', join(this.dir, 'mosquitto.conf')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    let ended = false
    child.once('error', () => {
      ended = true
    })
    child.once('exit', () => {
      ended = true
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text
      })
    }
    const endMs = performance.now() + START_TIMEOUT_MS
    while (!ended && performance.now() < endMs) {
      if (await accepts(this.port)) return !ended
      await sleep(20)
    }
    await this.kill()
    return false
  }

  log(): string {
    return this.#log
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async restart(): Promise<void> {
    await this.stop()
    if (!(await this.start())) throw new Error(`Mosquitto did not start again:\n${this.#log}`)
  }

  async close(): Promise<void> {
    await this.kill()
    process.off('exit', this.#killAtExit)
    await rm(this.dir, { recursive: true, force: true })
  }

  #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => {
      child.once('exit', () => resolve())
      child.kill(signal)
    })
  }
}

function programPath(): string {
  needPrograms({ mosquitto: 'mosquitto', mosquitto_passwd: 'mosquitto', openssl: 'openssl' })
  return findProgram('mosquitto')!
}

function configOf(dir: string, port: number, options: MosquittoOptions): string {
  const { tls, login, persistent, lines = [] } = options
  return [
    // Started by root it would become `mosquitto`, who cannot read this folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    `listener ${port} ${tls ? 'localhost' : '127.0.0.1'}`,
    `allow_anonymous ${login ? 'false' : 'true'}`,
    ...(login ? [`password_file ${join(dir, 'passwords')}`] : []),
    ...(tls
      ? [
          `cafile ${join(dir, 'ca.pem')}`,
          `certfile ${join(dir, 'broker.pem')}`,
          `keyfile ${join(dir, 'broker.key')}`,
          `require_certificate ${tls === 'mutual'}`,
        ]
      : []),
    ...(persistent
      ? [
          'persistence true',
          `persistence_location ${dir}/`,
          'autosave_on_changes true',
          'autosave_interval 1',
        ]
      : ['persistence false']),
    'log_dest stdout',
    ...lines,
    '',
  ].join('\n')
}

/** The file's passwords are hashed in place by Mosquitto's own tool. */
async function makePasswordFile(
  dir: string,
  login: { username: string; password: string },
): Promise<void> {
  const file = join(dir, 'passwords')
  await writeFile(file, `${login.username}:${login.password}\n`, { mode: 0o600 })
  await run('mosquitto_passwd', ['-U', file])
}

/** An authority, a certificate for `localhost` and 127.0.0.1, and one for a client. */
async function makeCertificates(dir: string): Promise<NonNullable<Mosquitto['files']>> {
  const at = (name: string): string => join(dir, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const openssl = (...args: string[]) => run('openssl', args)
  await openssl(
    ...['req', '-x509', ...key, '-days', '2', '-subj', '/CN=milepost test authority'],
    ...['-keyout', at('ca.key'), '-out', at('ca.pem')],
  )
  await writeFile(at('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  for (const name of ['broker', 'client']) {
    await openssl(
      ...['req', ...key, '-subj', `/CN=${name}`],
      ...['-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)],
    )
    await openssl(
      ...['x509', '-req', '-in', at(`${name}.csr`), '-days', '2', '-extfile', at('names')],
      ...[
        '-CA',
        at('ca.pem'),
        '-CAkey',
        at('ca.key'),
        '-CAcreateserial',
        '-out',
        at(`${name}.pem`),
      ],
    )
  }
  return { ca: at('ca.pem'), cert: at('client.pem'), key: at('client.key') }
}
