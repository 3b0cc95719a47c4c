import { AgentError } from '../error.ts'

const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/
const AGO = /^(\d+(?:\.\d+)?)\s*(s|min|m|h|d)(?: ago)?$/
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const DAY_MS = 86_400_000

/**
 * The instant that a person means, milliseconds since the epoch: `14:10` (the last one, local time),
 * `10min ago`, a date with a time, or what `Date` reads. Throws `USAGE`.
 */
export function momentOf(text: string, nowMs: number): number {
  const clock = CLOCK.exec(text)
  if (clock) {
    const [hours, minutes, seconds] = [clock[1], clock[2], clock[3] ?? '0'].map(Number)
    if (hours < 24 && minutes < 60 && seconds < 60) {
      const at = new Date(nowMs)
      at.setHours(hours, minutes, seconds, 0)
      return at.getTime() > nowMs ? at.getTime() - DAY_MS : at.getTime()
    }
  }
  const ago = AGO.exec(text)
  if (ago) return nowMs - Number(ago[1]) * UNIT_MS[ago[2]]
  // Without a zone a date with a time is local, as a person means it.
  const parsed = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN
  if (!Number.isNaN(parsed)) return parsed
  throw new AgentError('USAGE', `"${text}" is no time.`, {
    hint: 'Write 14:10, 14:10:30, "10min ago", or 2026-11-23T14:10.',
  })
}
