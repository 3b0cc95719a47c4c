import { complaintOfDeath, KeptThread } from '../kept-thread.ts'
import type { Complaint } from '../status.ts'
import type { RelayConfig } from './relay.ts'
import type { RelayStatus } from './status.ts'

export type { RelayStatus }

/** What the thread tells beside its `ThreadWord`s; all that it is told is to end. */
export type FromRelay =
  | { readonly kind: 'status'; readonly status: RelayStatus }
  | { readonly kind: 'trouble'; readonly error: Complaint }

type Thread = KeptThread<RelayStatus, FromRelay, 'close'>

const CLOSE_TIMEOUT_MS = 10_000

/** A relay in a thread of its own: its commits wait for a disk, and a bus must not wait with it. */
export class RelayThread {
  readonly #thread: Thread
  #status: RelayStatus

  /** Rejects where the store cannot be opened. */
  static async start(config: RelayConfig): Promise<RelayThread> {
    const spec = { module: 'relay-worker', beside: import.meta.url, name: 'relay', data: config }
    const thread: Thread = new KeptThread(spec)
    return new RelayThread(thread, await thread.started)
  }

  private constructor(thread: Thread, status: RelayStatus) {
    this.#thread = thread
    this.#status = status
    thread.listen({
      received: (message) => this.#received(message),
      died: (error) => this.#trouble(complaintOfDeath(error)),
      again: (now) => {
        this.#status = now
      },
    })
  }

  /** At most about a second old. */
  status(): RelayStatus {
    return this.#status
  }

  /** Ends the thread in order, or after ten seconds anyhow. */
  async close(): Promise<void> {
    await this.#thread.close('close', CLOSE_TIMEOUT_MS)
  }

  #received(message: FromRelay): void {
    if (message.kind === 'trouble') this.#trouble(message.error)
    else this.#status = message.status
  }

  #trouble(lastError: Complaint): void {
    const timeUs = Date.now() * 1000
    this.#status = { ...this.#status, timeUs, state: 'failed', sinceUs: timeUs, lastError }
  }
}
