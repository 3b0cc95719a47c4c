import { paint, printable } from './output.ts'

const INDENT = ' '.repeat(10)

/** An error and what to do, below the line that it belongs to. */
export function complaint(error: { code: string; message: string; hint?: string }): string[] {
  const out = process.stdout
  return [
    `${INDENT}${paint('yellow', error.code, out)}: ${printable(error.message)}`,
    ...(error.hint ? [`${INDENT}${paint('cyan', 'Next:', out)} ${printable(error.hint)}`] : []),
  ]
}
