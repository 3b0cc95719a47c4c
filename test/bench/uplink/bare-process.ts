import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { BareOrder } from './round.ts'

/** kafkajs without our fence. */
export class Bare {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>

  constructor(bootstrap: string) {
    const script = new URL('./bare.ts', import.meta.url).pathname
    const args = ['--import', import.meta.resolve('tsx'), script, bootstrap]
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  async run(order: BareOrder): Promise<number> {
    this.#child.stdin!.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await this.#answers.next()
    if (done) throw new Error('The bare client has ended')
    return (JSON.parse(value) as { seconds: number }).seconds
  }

  end(): void {
    this.#child.stdin!.end()
  }
}
