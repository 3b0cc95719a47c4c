import { SlcanAdapter, type SlcanHabits } from '../../../sensors/simulator/peers/slcan.ts'
import { openPty, type Pty } from '../../support/pty.ts'
import { until } from '../../support/until.ts'

/** An adapter without a bus at the far end of a real serial line, to be told what to say. */
export class Adapter extends SlcanAdapter {
  readonly pty: Pty

  constructor(link: string, habits: SlcanHabits = {}) {
    const pty = openPty(link)
    super(pty, undefined, habits)
    this.pty = pty
  }

  /** Resolves once this command has come in. */
  async heard(command: string): Promise<void> {
    await until(`the command ${command}`, () => this.commands.includes(command))
  }
}
