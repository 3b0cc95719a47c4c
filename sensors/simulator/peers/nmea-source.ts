import { encodeNmeaPacket } from 'nmea-simple'

/** Where a simulated receiver is and what it sees. */
export interface ReceiverState {
  /** UTC, microseconds since the epoch. */
  readonly utcUs: number
  /** Degrees, north and east positive. */
  readonly latitude: number
  readonly longitude: number
  readonly altitudeM: number
  readonly speedKmh: number
  /** Degrees from true north. */
  readonly headingDeg: number
  /** Satellites in view by talker: `{ GP: 9, GL: 7 }`. */
  readonly inView: Readonly<Record<string, number>>
  /** Without: what a receiver sends in a tunnel. */
  readonly fix: boolean
}

const KMH_PER_KNOT = 1.852
const SATELLITES_PER_SENTENCE = 4

/** The sentences of one second, each with its CR LF, as a receiver of several constellations sends them. */
export function nmeaSecond(state: ReceiverState): string {
  return [rmc(state), vtg(state), gga(state), gsa(state), ...gsv(state)]
    .map((sentence) => `${sentence}\r\n`)
    .join('')
}

/** Puts `$` before the fields and the checksum after them. */
export function nmeaSentence(fields: string): string {
  let sum = 0
  for (const letter of fields) sum ^= letter.charCodeAt(0)
  return `$${fields}*${sum.toString(16).toUpperCase().padStart(2, '0')}`
}

function rmc(state: ReceiverState): string {
  const at = new Date(state.utcUs / 1000)
  const time = `${clock(at)}.${two(Math.floor(at.getUTCMilliseconds() / 10))}`
  const date = `${two(at.getUTCDate())}${two(at.getUTCMonth() + 1)}${two(at.getUTCFullYear() % 100)}`
  if (!state.fix) return nmeaSentence(`GNRMC,${time},V,,,,,,,${date},,,N`)
  const knots = (state.speedKmh / KMH_PER_KNOT).toFixed(3)
  const place = `${degrees(state.latitude, 2, 'NS')},${degrees(state.longitude, 3, 'EW')}`
  const course = state.headingDeg.toFixed(2)
  return nmeaSentence(`GNRMC,${time},A,${place},${knots},${course},${date},,,A`)
}

function vtg({ fix, headingDeg, speedKmh }: ReceiverState): string {
  if (!fix) return nmeaSentence('GNVTG,,T,,M,,N,,K,N')
  const packet = {
    trackTrue: headingDeg,
    trackMagnetic: headingDeg,
    speedKmph: speedKmh,
    faaMode: 'A',
  }
  const speedKnots = speedKmh / KMH_PER_KNOT
  return encodeNmeaPacket({ sentenceId: 'VTG', ...packet, speedKnots }, 'GN')
}

function gga(state: ReceiverState): string {
  if (!state.fix)
    return nmeaSentence(`GNGGA,${clock(new Date(state.utcUs / 1000))},,,,,0,00,99.99,,,,,,`)
  return encodeNmeaPacket(
    {
      sentenceId: 'GGA',
      time: new Date(state.utcUs / 1000),
      latitude: state.latitude,
      longitude: state.longitude,
      fixType: 'fix',
      satellitesInView: 12,
      horizontalDilution: 0.8,
      altitudeMeters: state.altitudeM,
      geoidalSeperation: 47,
    },
    'GN',
  )
}

function gsa({ fix }: ReceiverState): string {
  const mode = fix ? '3,05,07,08,13,,,,,,,,,1.5,0.8,1.2' : '1,,,,,,,,,,,,,99.99,99.99,99.99'
  return nmeaSentence(`GNGSA,A,${mode}`)
}

function gsv({ inView }: ReceiverState): string[] {
  return Object.entries(inView).flatMap(([talker, count]) => {
    const sentences = Math.max(1, Math.ceil(count / SATELLITES_PER_SENTENCE))
    return Array.from({ length: sentences }, (_, i) => {
      const first = i * SATELLITES_PER_SENTENCE
      const shown = Math.min(SATELLITES_PER_SENTENCE, count - first)
      const satellites = Array.from({ length: shown }, (_, k) => `,${two(first + k + 1)},45,090,40`)
      const head = `${talker}GSV,${sentences},${i + 1},${two(count)}`
      return nmeaSentence(head + satellites.join(''))
    })
  })
}

function degrees(value: number, digits: number, letters: string): string {
  const whole = Math.floor(Math.abs(value))
  const minutes = ((Math.abs(value) - whole) * 60).toFixed(6).padStart(9, '0')
  return `${String(whole).padStart(digits, '0')}${minutes},${letters[value < 0 ? 1 : 0]}`
}

function clock(at: Date): string {
  return two(at.getUTCHours()) + two(at.getUTCMinutes()) + two(at.getUTCSeconds())
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
