/** English and German month names begin so; in latin1, as logs are read. */
const MONTHS: readonly RegExp[] = [
  /^jan/i,
  /^feb/i,
  /^(mar|m\S{1,2}r)/i,
  /^apr/i,
  /^ma[yi]/i,
  /^jun/i,
  /^jul/i,
  /^aug/i,
  /^sep/i,
  /^o[ck]t/i,
  /^nov/i,
  /^de[cz]/i,
]

/**
 * The date in words such as `Thu Jan 01 12:02:46.0 AM 1970` or `Don Sep 30 15:06:13 2017`, in any
 * order, in microseconds since the epoch, taken as UTC. Undefined where day, month, year or time is
 * missing.
 */
export function dateOf(words: readonly string[]): number | undefined {
  let month = -1
  let day = 0
  let year = 0
  let timeUs = -1
  let noon: string | undefined
  for (const word of words) {
    const clock = /^(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?$/.exec(word)
    if (clock) {
      const [, hours, minutes, seconds, fraction = ''] = clock
      // Less than three digits are milliseconds that lost their zeros: `.6`, as python-can writes 6 ms.
      const digits = fraction.length < 3 ? fraction.padStart(3, '0') : fraction
      const micros = Number(digits.slice(0, 6).padEnd(6, '0'))
      timeUs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1e6 + micros
    } else if (/^\d{4}$/.test(word)) year = Number(word)
    else if (/^\d{1,2}$/.test(word)) day = Number(word)
    else if (/^[ap]m$/i.test(word)) noon = word.toLowerCase()
    else if (month < 0) month = MONTHS.findIndex((name) => name.test(word))
  }
  if (month < 0 || day === 0 || year === 0 || timeUs < 0) return undefined
  const hour = Math.floor(timeUs / 3.6e9)
  if (noon === 'am' && hour === 12) timeUs -= 12 * 3.6e9
  if (noon === 'pm' && hour < 12) timeUs += 12 * 3.6e9
  return Date.UTC(year, month, day) * 1000 + timeUs
}
