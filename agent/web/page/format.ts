/** Numbers, times and sizes as a person reads them. Pure, so that tests read them too. */

/** Keeps a figure and its unit on one line. */
const NBSP = '\u00a0'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** 1234567 → `1.23 MB`. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toFixed(digits)}${NBSP}${UNITS[unit]}`
}

/** 12345 → `12,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** A reading with as many digits as matter: 3.14159 → `3.142`. */
export function figure(value: number | string | undefined): string {
  if (value === undefined) return '–'
  if (typeof value === 'string') return value
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size !== 0 && (size < 0.001 || size >= 1e7)) return value.toExponential(2)
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  return value.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3)
}

/** A length of time in its two largest units: 3_723_000 → `1 h 2 min`. */
export function span(ms: number): string {
  const sec = Math.max(0, Math.floor(ms / 1000))
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}${NBSP}ms`
  if (sec < 60) return `${sec}${NBSP}s`
  const min = Math.floor(sec / 60)
  if (min < 60)
    return sec % 60 && min < 10 ? `${min}${NBSP}min ${sec % 60}${NBSP}s` : `${min}${NBSP}min`
  const hours = Math.floor(min / 60)
  if (hours < 48) return min % 60 ? `${hours}${NBSP}h ${min % 60}${NBSP}min` : `${hours}${NBSP}h`
  const days = Math.floor(hours / 24)
  return hours % 24 ? `${days}${NBSP}d ${hours % 24}${NBSP}h` : `${days}${NBSP}d`
}

/** How long ago, by the agent's own clock: `2 min ago`, `never`. */
export function ago(timeUs: number, nowUs: number): string {
  if (!timeUs) return 'never'
  const ms = (nowUs - timeUs) / 1000
  return ms < 1500 ? 'just now' : `${span(ms)} ago`
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

/** `14:10:05`, with the day in front where it is not that of `nowUs`. */
export function clock(timeUs: number, nowUs = Date.now() * 1000): string {
  if (!timeUs) return '–'
  const date = new Date(timeUs / 1000)
  const time = CLOCK.format(date)
  return date.toDateString() === new Date(nowUs / 1000).toDateString()
    ? time
    : `${DAY.format(date)}, ${time}`
}

/** `1 record`, `2 records`. */
export function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`
}

const UNIT_SIGNS: Readonly<Record<string, string>> = {
  degC: '°C',
  degF: '°F',
  deg: '°',
  degree: '°',
  ohm: 'Ω',
}

/** A unit as it is written: `degC` → `°C`. */
export function unitSign(unit: string | undefined): string {
  return (unit && UNIT_SIGNS[unit]) ?? unit ?? ''
}
