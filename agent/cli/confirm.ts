import { createInterface } from 'node:readline/promises'
import { AgentError } from '../error.ts'
import { EXIT } from './output.ts'

/**
 * Asks a person before something that cannot be taken back. False: they said no.
 * @throws AgentError USAGE where nobody can be asked
 */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new AgentError('USAGE', 'This cannot be taken back, and nobody is there to be asked.', {
      hint: 'Say --yes to do it without asking.',
    })
  }
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  reader.once('SIGINT', () => {
    process.stderr.write('\n')
    process.exit(EXIT.interrupted)
  })
  try {
    const answer = await reader.question(`${question} [y/N] `)
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    reader.close()
  }
}
