import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { delimiter } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface JvmOptions {
  readonly java: string
  /** Jars in order; the tether's jar is one of them. */
  readonly classPath: readonly string[]
  readonly jvmArgs: readonly string[]
  readonly main: string
  readonly args: readonly string[]
  /** What the JVM itself prints; begun anew with each start. The programs have their own bounded logs. */
  readonly outFile: string
  /** How long an orderly shutdown may take before the JVM is killed. */
  readonly graceSec: number
}

/** A JVM that ends with this process, however this process ends (see Tether.java). */
export class Jvm {
  readonly #child: ChildProcess
  readonly #options: JvmOptions
  /** Settles when the process is gone, with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>
  #gone = false

  constructor(options: JvmOptions) {
    this.#options = options
    const out = openSync(options.outFile, 'w')
    try {
      this.#child = spawn(
        options.java,
        [
          ...options.jvmArgs,
          ...['-cp', options.classPath.join(delimiter)],
          ...['milepost.central.Tether', String(options.graceSec), options.main, ...options.args],
        ],
        // A group of its own: Ctrl-C in a terminal is for us, and we stop the parts in order.
        { stdio: ['pipe', out, out], detached: true },
      )
    } finally {
      closeSync(out)
    }
    this.exited = new Promise((resolve) => {
      const done = (how: number | string) => {
        this.#gone = true
        resolve(how)
      }
      this.#child.once('error', (error) => done(error.message))
      this.#child.once('exit', (code, signal) => done(code ?? signal ?? 'unknown'))
    })
    // A tether whose other end has gone is reported by `exited`.
    this.#child.stdin?.on('error', () => {})
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get isGone(): boolean {
    return this.#gone
  }

  /** Orderly shutdown within the grace, then SIGKILL. Returns when the process is gone. */
  async stop(): Promise<void> {
    if (this.#gone) return
    this.#child.stdin?.end()
    this.#child.kill('SIGTERM')
    const cancel = new AbortController()
    const late = sleep(this.#options.graceSec * 1000, 'late' as const, { signal: cancel.signal })
    if ((await Promise.race([this.exited, late.catch(() => '')])) === 'late') this.kill()
    cancel.abort()
    await this.exited
  }

  /** SIGKILL, as a power cut or the kernel's out-of-memory killer would have it. */
  kill(): void {
    if (!this.#gone) this.#child.kill('SIGKILL')
  }
}

/** The last `maxBytes` of a log file as text; empty where it cannot be read. */
export async function tail(path: string, maxBytes = 2_000): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      const start = Math.max(0, size - maxBytes)
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(size - start),
        0,
        size - start,
        start,
      )
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch {
    return ''
  }
}
