const TIME = /^(\d{2})(\d{2})(\d{2})(?:\.(\d{1,6}))?$/
const DATE = /^(\d{2})(\d{2})(\d{2}|\d{4})$/
/**
 * No receiver of today can have been told an earlier date truly: one whose week counter rolled over
 * (every 19.6 years) says such, and so does one without satellites.
 */
const FIRST_PLAUSIBLE_YEAR = 2024

/**
 * The instant of `hhmmss.sss` and `ddmmyy` or `ddmmyyyy`, microseconds since the epoch; undefined where
 * they are none. nmea-simple reads fractions of exactly two digits alone, and takes what is missing
 * from the machine's clock, which is what the time is wanted for.
 */
export function dateTimeUs(time: string, date: string): number | undefined {
  const t = TIME.exec(time)
  const d = DATE.exec(date)
  if (!t || !d) return undefined
  const [hour, minute, second] = t.slice(1, 4).map(Number)
  const [day, month] = d.slice(1, 3).map(Number)
  const year = Number(d[3]) + (d[3].length === 2 ? 2000 : 0)
  const midnightMs = Date.UTC(year, month - 1, day)
  // Date carries the 31st of June over to July, and 24:00 to the next day. A leap second is real.
  if (new Date(midnightMs).getUTCDate() !== day || month < 1 || month > 12) return undefined
  if (hour > 23 || minute > 59 || second > 60 || year < FIRST_PLAUSIBLE_YEAR) return undefined
  const ms = midnightMs + ((hour * 60 + minute) * 60 + second) * 1000
  return ms * 1000 + Number((t[4] ?? '').padEnd(6, '0'))
}
