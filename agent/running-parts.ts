import type { Caught } from './fence.ts'
import type { Part, PartContext } from './part.ts'
import { PARTS } from './parts.ts'
import type { TakingDown } from './taking-down.ts'

/** The parts of one agent, from their start to their end. */
export class RunningParts {
  readonly #caught: Caught
  readonly #parts: Part[] = []

  constructor(caught: Caught) {
    this.#caught = caught
  }

  async start(context: PartContext): Promise<void> {
    for (const start of PARTS) {
      const part = await start(context)
      if (part) this.#parts.push(part)
    }
  }

  /** Tells each that the agent is at work. */
  started(): void {
    for (const part of this.#parts) this.#fenced(part, () => part.started?.())
  }

  status(): Record<string, unknown> {
    const told: Record<string, unknown> = {}
    for (const part of this.#parts) {
      this.#fenced(part, () => {
        const status = part.status?.()
        if (status !== undefined) told[part.name] = status
      })
    }
    return told
  }

  async stop(down: TakingDown): Promise<void> {
    for (const part of [...this.#parts].reverse()) await down.step(part.name, () => part.stop())
  }

  #fenced(part: Part, step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#caught(part.name, error)
    }
  }
}
