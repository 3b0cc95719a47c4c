import { AgentError } from '../error.ts'

/** An end of the range as the command line says it. */
export type Bound<W extends string> = W | { offset: number } | { timeUs: number }

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Reads a word, an offset (digits), a time (ISO 8601), or a time ago (`-90m`). */
export function parseBound<W extends string>(
  option: string,
  text: string,
  word: W,
  nowMs = Date.now(),
): Bound<W> {
  if (text === word) return word
  if (/^\d+$/.test(text)) return { offset: Number(text) }
  const [, amount, unit] = /^-(\d+)([smhd])$/.exec(text) ?? []
  if (amount !== undefined) return { timeUs: (nowMs - Number(amount) * UNIT_MS[unit]) * 1000 }
  const timeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(timeMs)) return { timeUs: timeMs * 1000 }
  throw new AgentError('USAGE', `${option} does not understand "${text}"`, {
    hint: `Write ${word}, an offset (1500), a time (2026-11-23T08:00:00Z), or a time ago (-2h).`,
  })
}
