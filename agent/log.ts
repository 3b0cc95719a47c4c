import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/** One JSON line for each event on standard error; on a terminal, lines for a person. */
export function makeLogger(level: string): Logger {
  const onTerminal = process.stderr.isTTY === true
  const stream = onTerminal
    ? pretty({
        destination: 2,
        sync: true,
        ignore: 'pid,hostname',
        colorize: !process.env.NO_COLOR,
      })
    : pino.destination({ dest: 2, sync: true })
  return pino({ level, base: undefined }, stream)
}
