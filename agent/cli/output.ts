import { styleText } from 'node:util'
import { type Complaint, complaintOf } from '../error.ts'
import { terminalColumns, wrappedText } from './wrap.ts'

/** Exit codes that mean something to a script. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

const USAGE_CODES = new Set(['USAGE', 'CONFIG_MISSING', 'CONFIG_INVALID'])

type Style = Parameters<typeof styleText>[0]

/** Colours text for a terminal, and only for a terminal that wants it (NO_COLOR, no-color.org). */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream): string {
  const plain = !stream.isTTY || (process.env.NO_COLOR ?? '') !== ''
  return plain ? text : styleText(style, text, { validateStream: false } as never)
}

/** An error as a person reads it: what, and what to do next. */
export function complain(error: unknown): Complaint {
  const complaint = complaintOf(error)
  const stream = process.stderr
  const tell = (text: string) => stream.write(`${wrappedText(text, terminalColumns(stream))}\n`)
  tell(`${paint('red', `${complaint.code}:`, stream)} ${printable(complaint.message)}`)
  if (complaint.hint) tell(`${paint('cyan', 'Next:', stream)} ${printable(complaint.hint)}`)
  if (complaint.code === 'INTERNAL' && error instanceof Error && process.env.MILEPOST_TRACE) {
    stream.write(`${error.stack}\n`)
  }
  return complaint
}

/**
 * What a file says may be quoted in an error, and a file may be hostile: control characters, which can
 * move a terminal's cursor or set its title, are shown as escapes. Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (c) =>
    c === '\n' || c === '\t' ? c : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** Tells of an error and ends with the exit code that it stands for. */
export function fail(error: unknown): never {
  const { code } = complain(error)
  process.exit(USAGE_CODES.has(code) ? EXIT.usage : EXIT.failed)
}

/** A writer for standard output that ends the program in peace when the reader goes away. */
export function quietPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done)
    throw error
  })
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** So many of something, in words that agree: `1 outbox`, `1,200 records`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${Math.round(count) === 1 ? one : many}`
}

/** A span of time in the two units that matter. */
export function formatSpan(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`
}

/** A measured number to four digits, as a person wants it. */
export function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}
