import { ReadingBatch } from '../reading.ts'
import type { SensorContext } from '../sensor.ts'
import type { Sentence } from './sentence.ts'
import { SkyView } from './sky-view.ts'
import { dateTimeUs } from './time.ts'

/** Each reading under the prefix: name and unit. COVESA VSS 4 where it has one, else in its style. */
const READINGS = {
  latitude: ['Latitude', 'degrees'],
  longitude: ['Longitude', 'degrees'],
  altitude: ['Altitude', 'm'],
  heading: ['Heading', 'degrees'],
  speed: ['Speed', 'km/h'],
  fixQuality: ['GNSSReceiver.FixQuality', ''],
  fixMode: ['GNSSReceiver.FixMode', ''],
  used: ['GNSSReceiver.SatellitesUsed', ''],
  inView: ['GNSSReceiver.SatellitesInView', ''],
  pdop: ['GNSSReceiver.Pdop', ''],
  hdop: ['GNSSReceiver.Hdop', ''],
  vdop: ['GNSSReceiver.Vdop', ''],
} as const

type ReadingKey = keyof typeof READINGS

const KMH_PER_KNOT = 1.852
/** `FixQuality` by the letter of GNS, RMC and GLL, as GGA numbers them. */
const QUALITY_OF_MODE: Readonly<Record<string, number>> = {
  N: 0,
  A: 1,
  D: 2,
  P: 3,
  R: 4,
  F: 5,
  E: 6,
  M: 7,
  S: 8,
}
const MAX_QUALITY = 8
/** Degrees and minutes, so that nothing else is taken for a place. */
const LATITUDE = /^\d{4}\.\d+$/
const LONGITUDE = /^\d{5}\.\d+$/
const NUMBER = /^[+-]?\d+(\.\d*)?$/
const COUNT = /^\d{1,3}$/

/** Turns sentences into readings; fields that are empty give none. */
export class FixReader {
  readonly #context: SensorContext
  readonly #signals: Readonly<Record<ReadingKey, number>>
  readonly #batch = new ReadingBatch(16)
  readonly #sky = new SkyView()
  /** Receiver time (`hhmmss.ss`) of the last position: GGA, RMC and GLL of one fix give it once. */
  #positionAt = ''
  #timeUs = 0

  constructor(prefix: string, context: SensorContext) {
    this.#context = context
    const signals = Object.entries(READINGS).map(([key, [name, unit]]) => [
      key,
      context.catalog.intern(`${prefix}.${name}`, unit).index,
    ])
    this.#signals = Object.fromEntries(signals)
  }

  /**
   * Takes one sentence; false where its fields are not as they must be. A good one without a fix gives
   * what it still has to tell: the fix quality, satellites.
   * @param timeUs wall time of arrival
   * @param monoUs monotonic time of arrival
   */
  take({ packet, fields }: Sentence, timeUs: number, monoUs: number): boolean {
    this.#timeUs = timeUs
    this.#batch.count = 0
    let good = true
    switch (packet.sentenceId) {
      case 'GGA': {
        const quality = COUNT.test(fields[6] ?? '') ? Number(fields[6]) : -1
        good = this.#quality(quality)
        if (quality > 0) {
          good = this.#position(packet, fields, 2, fields[1]) && good
          this.#number('altitude', packet.altitudeMeters, fields[9])
          this.#number('hdop', packet.horizontalDilution, fields[8])
        }
        this.#number('used', packet.satellitesInView, fields[7])
        break
      }
      case 'GNS': {
        // A letter for each constellation; the best of them is the fix.
        const modes = [...(fields[6] ?? '')].map((letter) => QUALITY_OF_MODE[letter] ?? -1)
        good = modes.length > 0 && !modes.includes(-1)
        const quality = Math.max(0, ...modes)
        if (good) good = this.#quality(quality)
        if (good && quality > 0) {
          good = this.#position(packet, fields, 2, fields[1])
          this.#number('altitude', packet.altitudeMeters, fields[9])
          this.#number('hdop', packet.horizontalDilution, fields[8])
        }
        this.#number('used', packet.satellitesInView, fields[7])
        break
      }
      case 'RMC':
        if (fields[2] === 'A') {
          good = this.#position(packet, fields, 3, fields[1])
          this.#number('speed', packet.speedKnots * KMH_PER_KNOT, fields[7])
          this.#number('heading', packet.trackTrue, fields[8])
          this.#offerTime(fields[1], fields[9], monoUs)
        } else good = fields[2] === 'V'
        break
      case 'GLL':
        if (fields[6] === 'A') good = this.#position(packet, fields, 1, fields[5])
        else good = fields[6] === 'V' || fields[6] === undefined
        break
      case 'VTG':
        // Mode N (NMEA 2.3): the numbers are not valid.
        if (fields[9] === 'N') break
        this.#number('speed', packet.speedKnots * KMH_PER_KNOT, fields[5])
        this.#number('heading', packet.trackTrue, fields[1])
        break
      case 'GSA':
        good = /^[123]$/.test(fields[2] ?? '')
        if (!good) break
        this.#push('fixMode', Number(fields[2]))
        if (fields[2] === '1') break
        this.#number('pdop', packet.PDOP, fields[15])
        this.#number('hdop', packet.HDOP, fields[16])
        this.#number('vdop', packet.VDOP, fields[17])
        break
      case 'GSV': {
        good = COUNT.test(fields[3] ?? '')
        // Sentences after the first of a group tell the same number again.
        if (!good || packet.messageNumber !== 1) break
        this.#push('inView', this.#sky.see(packet.talkerId ?? '', packet.satellitesInView, monoUs))
        break
      }
      case 'ZDA':
        this.#offerTime(fields[1], fields.slice(2, 5).join(''), monoUs)
        break
      default:
        good = false
    }
    if (this.#batch.count > 0) this.#context.readings(this.#batch)
    return good
  }

  #quality(quality: number): boolean {
    if (!(quality >= 0 && quality <= MAX_QUALITY)) return false
    this.#push('fixQuality', quality)
    return true
  }

  /** Latitude and longitude together or not at all; `at` is the field of the latitude. */
  #position(
    place: { latitude: number; longitude: number },
    fields: readonly string[],
    at: number,
    time: string | undefined,
  ): boolean {
    const formed =
      LATITUDE.test(fields[at] ?? '') &&
      /^[NS]$/.test(fields[at + 1] ?? '') &&
      LONGITUDE.test(fields[at + 2] ?? '') &&
      /^[EW]$/.test(fields[at + 3] ?? '')
    if (!formed || Math.abs(place.latitude) > 90 || Math.abs(place.longitude) > 180) return false
    if (time && time === this.#positionAt) return true
    this.#positionAt = time ?? ''
    this.#push('latitude', place.latitude)
    this.#push('longitude', place.longitude)
    return true
  }

  /** A reading where the field was sent and is a number. */
  #number(key: ReadingKey, value: number, field: string | undefined): void {
    if (NUMBER.test(field ?? '') && Number.isFinite(value)) this.#push(key, value)
  }

  #push(key: ReadingKey, value: number): void {
    this.#batch.push(this.#signals[key], value, this.#timeUs)
  }

  #offerTime(time: string | undefined, date: string | undefined, monoUs: number): void {
    const utcUs = dateTimeUs(time ?? '', date ?? '')
    if (utcUs !== undefined) this.#context.timeSeen(utcUs, monoUs)
  }
}
