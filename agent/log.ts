import { fstatSync, writeSync } from 'node:fs'
import { type Logger, pino } from 'pino'
import { lazy } from '../sensors/lazy.ts'

export type { Logger }

/** For a person at a terminal, whom a service does not have. */
const pretty = lazy<typeof import('pino-pretty')>('pino-pretty')

/**
 * One JSON line for each event on standard error; on a terminal, lines for a person; to the journal,
 * the same JSON after its priority (`<4>{…}`, sd-daemon(3)), so that `journalctl -p warning` works.
 */
export function makeLogger(level: string): Logger {
  return pino({ level, base: undefined }, destination())
}

function destination(): pino.DestinationStream {
  if (process.stderr.isTTY === true) {
    return pretty()({
      destination: 2,
      sync: true,
      ignore: 'pid,hostname',
      colorize: !process.env.NO_COLOR,
    })
  }
  if (toJournal()) return { write: (line) => void writeSync(2, withPriority(line)) }
  return pino.destination({ dest: 2, sync: true })
}

/** Whether standard error is the journal: systemd.exec(5), `JOURNAL_STREAM`. */
function toJournal(): boolean {
  const told = process.env.JOURNAL_STREAM
  if (!told) return false
  const { dev, ino } = fstatSync(2)
  return told === `${dev}:${ino}`
}

/** Priorities of syslog(3) by pino's levels: fatal 2, error 3, warning 4, info 6, debug 7. */
export function withPriority(line: string): string {
  const level = Number(/^\{"level":(\d+)/.exec(line)?.[1] ?? 30)
  const priority = level >= 60 ? 2 : level >= 50 ? 3 : level >= 40 ? 4 : level >= 30 ? 6 : 7
  return `<${priority}>${line}`
}
