import type { Publish } from '../mqtt/publish.ts'

/** Messages that came and are not acknowledged, in the order of their coming. */
export class Held {
  #messages: Publish[] = []
  /** Of their payloads. */
  bytes = 0

  get length(): number {
    return this.#messages.length
  }

  add(message: Publish): void {
    this.#messages.push(message)
    this.bytes += message.payload.length
  }

  first(count: number): Publish[] {
    return this.#messages.slice(0, count)
  }

  /** These, the first ones, are done with. */
  done(messages: readonly Publish[]): void {
    this.#messages = this.#messages.slice(messages.length)
    for (const { payload } of messages) this.bytes -= payload.length
  }

  clear(): void {
    this.#messages = []
    this.bytes = 0
  }
}
