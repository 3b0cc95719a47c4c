import { openPty, type Pty } from '../../support/pty.ts'
import { until } from '../../support/until.ts'

/** How an adapter under test behaves. */
export interface Habits {
  /** Commands (by first letter) that it refuses with BEL. */
  readonly refuses?: string
  /** Never answers anything. */
  readonly mute?: boolean
  /** What it says to `F`. */
  status?: string
  /** Refuses to close a channel that is not open, as many do, and says so only with its next answer. */
  readonly lateReset?: boolean
  /** What it says to a frame to be sent; `z` unless told otherwise. */
  toFrame?: string
}

/** The adapter at the far end of a real serial line: speaks the LAWICEL protocol as devices do. */
export class Adapter {
  readonly pty: Pty
  /** Every command that it was given. */
  readonly commands: string[] = []
  /** Stops answering when set. */
  hung = false
  #line = ''
  readonly #habits: Habits

  constructor(link: string, habits: Habits = {}) {
    this.#habits = habits
    this.pty = openPty(link)
    this.pty.onData((chunk) => {
      for (const letter of chunk.toString('latin1')) {
        if (letter === '\r') this.#command()
        else this.#line += letter
      }
    })
  }

  /** Resolves once this command has come in. */
  async heard(command: string): Promise<void> {
    await until(`the command ${command}`, () => this.commands.includes(command))
  }

  say(text: string): Promise<void> {
    return this.pty.write(Buffer.from(text, 'latin1'))
  }

  #command(): void {
    const command = this.#line
    this.#line = ''
    this.commands.push(command)
    if (this.hung || this.#habits.mute) return
    const letter = command[0] ?? ''
    if (letter !== '' && 'tTrRdDbB'.includes(letter))
      void this.say(this.#habits.toFrame ?? (letter < 'a' ? 'Z\r' : 'z\r'))
    else if (letter !== '' && this.#habits.refuses?.includes(letter)) void this.say('\x07')
    else if (letter === 'V') void this.say(`${this.#habits.lateReset ? '\x07' : ''}V1013\r`)
    else if (letter === 'F') void this.say(`${this.#habits.status ?? 'F00'}\r`)
    else void this.say('\r')
  }
}
