import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { AgentError } from '../error.ts'

const END_TIMEOUT_MS = 15_000

/** A process of the simulation is gone that should be there. */
export function ended(what: string): AgentError {
  return new AgentError('RUN_FAILED', `${what} has ended by itself`, {
    hint: 'What it wrote above says why. Out of memory or open files? Try fewer vehicles, or `ulimit -n`.',
  })
}

/** A part of the simulation in a process of its own, so that its share of the processor is known. */
export class Child<Message extends object> {
  readonly #child: ChildProcess
  readonly #ended: Promise<string>
  last: Message | undefined
  #changed: () => void = () => {}

  /** Starts the module `name` of this folder: `.js` where it was built, else `.ts`. */
  constructor(name: string, argument: object) {
    const file = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url)
    this.#child = fork(file, [JSON.stringify(argument)])
    this.#child.on('message', (message: Message) => {
      this.last = message
      this.#changed()
    })
    this.#child.on('error', () => {})
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => {
      this.#changed()
      return `${name} (${signal ?? code})`
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  tell(message: object): void {
    if (this.alive) this.#child.send(message)
  }

  /** Waits for a message that fits; rejects where the process ends before. */
  async until(wanted: (message: Message) => boolean, signal?: AbortSignal): Promise<Message> {
    for (;;) {
      if (this.last && wanted(this.last)) return this.last
      signal?.throwIfAborted()
      if (!this.alive) throw ended(await this.#ended)
      await new Promise<void>((resolve) => {
        this.#changed = resolve
        if (signal) signal.onabort = () => resolve()
      })
      if (signal) signal.onabort = null
    }
  }

  /** Lets go of it, so that it ends in order; then by force. */
  async end(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_TIMEOUT_MS)
    await this.#ended
    clearTimeout(timer)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
