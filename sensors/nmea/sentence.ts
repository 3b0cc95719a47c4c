import type { Packet, PacketFactory } from 'nmea-simple'
import { lazy } from '../lazy.ts'

const nmea = lazy<typeof import('nmea-simple')>('nmea-simple')

/** One sentence with a right checksum: what nmea-simple made of it, and the fields as they were sent. */
export interface Sentence {
  readonly packet: Packet
  /** Field 0 is `$` and the address (`$GNGGA`). */
  readonly fields: readonly string[]
}

/**
 * NMEA 0183 (IEC 61162-1) 7.1: `$` or `!`, address, fields, `*`, two hexadecimal digits. nmea-simple
 * alone also takes one digit, or letters after them.
 */
const SENTENCE = /^[$!][A-Z0-9]{3,}[\x20-\x29\x2b-\x7e]*\*[0-9A-F]{2}$/i

/** Sentences that are read; the others of a receiver are passed over. */
const SENTENCE_IDS: ReadonlySet<string> = new Set([
  'GGA',
  'GNS',
  'RMC',
  'VTG',
  'GLL',
  'GSA',
  'GSV',
  'ZDA',
])

/** `$`, two letters of talker, three of sentence. */
const ADDRESS_LENGTH = 6

/**
 * nmea-simple reads an empty field as 0, and 0 degrees north is a place. Its packet therefore comes
 * with the fields, so that what was not sent can be told from what was sent as 0.
 */
const factory: PacketFactory<Sentence | 'other'> = {
  ableToParseBadChecksum: false,
  assemble: (stub, fields) => {
    if (!SENTENCE_IDS.has(stub.sentenceId) || fields[0].length !== ADDRESS_LENGTH) return 'other'
    return { packet: nmea().DefaultPacketFactory.getParser(stub)(stub, fields), fields }
  },
}

/**
 * Reads one line. `other`: a sentence that is none of ours; undefined: no sentence, or one with a wrong
 * checksum or fields that nmea-simple cannot read.
 */
export function parseSentence(line: string): Sentence | 'other' | undefined {
  if (!SENTENCE.test(line)) return undefined
  try {
    return nmea().parseGenericPacket(line, factory)
  } catch {
    return undefined
  }
}
