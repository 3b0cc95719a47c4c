// Seeded: a failure names its subject, seed and episode. In full by `npm run test:fuzz`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BusLines } from '../../../sensors/elm327/bus-lines.ts'
import { Requests } from '../../../sensors/elm327/requests.ts'
import { ElmSession } from '../../../sensors/elm327/session.ts'
import { FrameBatch } from '../../../sensors/frame.ts'
import { AddedNames, MAX_NAMES } from '../../../sensors/lines/fields.ts'
import { lineReader, lines } from '../../../sensors/lines/lines.ts'
import { nmea, sentenceReader } from '../../../sensors/nmea/nmea.ts'
import { LineSplitter } from '../../../sensors/serial/line-splitter.ts'
import { LINE_FORMATS } from '../../../sensors/simulator/peers/line-device.ts'
import { nmeaSecond, nmeaSentence } from '../../../sensors/simulator/peers/nmea-source.ts'
import { Random } from '../../../sensors/simulator/random.ts'
import { SlcanParser } from '../../../sensors/slcan/parser.ts'
import { SEED, tries } from '../../support/fuzz.ts'
import { HandClock, Recorder } from '../recorder.ts'

const CHUNKS = tries(20_000, 1_000_000)
const CHUNKS_PER_EPISODE = 50
const MAX_CHUNK_BYTES = 96

/** What takes bytes and tells the recorder. */
type Feed = (chunk: Uint8Array) => void

function lineFeed(config: Record<string, unknown>): (recorder: Recorder) => Feed {
  return (recorder) => {
    const reader = lineReader(
      lines.config.parse({ port: '/dev/null', ...config }),
      recorder,
      new AddedNames(),
    )
    return splitterFeed(recorder, 256, (line) => reader(line, 1))
  }
}

function splitterFeed(recorder: Recorder, max: number, take: (line: Buffer) => boolean): Feed {
  const splitter = new LineSplitter(max, (line) => {
    if (!take(line)) recorder.dropped('parse_error', 1)
  })
  let told = 0
  return (chunk) => {
    splitter.feed(chunk)
    if (splitter.tooLong > told) recorder.dropped('parse_error', splitter.tooLong - told)
    told = splitter.tooLong
  }
}

function elmFeed(printsLength: boolean, ext: boolean): (recorder: Recorder) => Feed {
  return (recorder) => {
    const protocol = ext ? 'can-29-500' : 'can-11-500'
    const busLines = new BusLines(recorder)
    busLines.begin(
      { name: 'ELM327', stn: false, printsLength, protocol },
      new Requests(protocol, new Map(), () => 0),
    )
    const session = new ElmSession(
      { write: () => Promise.resolve() },
      {
        line: (text) => busLines.take(text),
        rubbish: () => recorder.dropped('parse_error', 1),
      },
    )
    return (chunk) => {
      session.feed(chunk)
      busLines.flush()
    }
  }
}

function slcanFeed(recorder: Recorder): Feed {
  const parser = new SlcanParser(new FrameBatch(), 3, {
    frames: (batch) => recorder.frames(batch),
    answer: () => {},
    refused: () => {},
    timeUs: () => 1,
  })
  let told = 0
  return (chunk) => {
    parser.feed(chunk)
    if (parser.malformed > told) recorder.dropped('parse_error', parser.malformed - told)
    told = parser.malformed
  }
}

const values = { temp: 21.5, rpm: 840, door: 1 }
const place = { latitude: 48.1, longitude: -11.5, altitudeM: 500, speedKmh: 50, headingDeg: 90 }
const second = { ...place, utcUs: 1.78e15, inView: { GP: 9, GA: 5 }, fix: true }
const lineOf = (format: keyof typeof LINE_FORMATS): string => `${LINE_FORMATS[format](values)}\r\n`

/** Each parser with some of what its device says. */
const SUBJECTS: Record<string, { feed: (recorder: Recorder) => Feed; says: string }> = {
  json: {
    feed: lineFeed({ format: 'json' }),
    says: `${lineOf('json')}{"a":{"b":[1,null,"2",true]}}\n{"temp":1e999}\n`,
  },
  csv: {
    feed: lineFeed({ format: 'csv', columns: ['temp', null, 'door'] }),
    says: `${lineOf('csv')}"1","2;""3",4\n1,2\n`,
  },
  'key-value': {
    feed: lineFeed({ format: 'key-value' }),
    says: `${lineOf('key-value')}a=1;b=-2.5e3&c=x\n`,
  },
  regex: {
    feed: lineFeed({ format: 'regex', pattern: 'temp is (?<temp>[^;]+); rpm is (?<rpm>\\d+)' }),
    says: lineOf('text'),
  },
  nmea: {
    feed: (recorder) => {
      const read = sentenceReader(nmea.config.parse({ port: '/dev/null' }), recorder)
      return splitterFeed(recorder, 256, (line) => read(line, 1, 1))
    },
    says: `${nmeaSecond(second)}${nmeaSentence('GPGLL,4808.2,N,01134.5,E,093015,A,A')}\r\n`,
  },
  elm327: {
    feed: elmFeed(true, false),
    says: '7E8803410C1AF8000000\r1230\r>BUFFER FULL\rNO DATA\r',
  },
  'elm327-copy': {
    feed: elmFeed(false, true),
    says: '18DAF11003410C\r18 DA F1 10 41\rCAN ERROR\r',
  },
  slcan: { feed: slcanFeed, says: 't1232AABB\rT18FEF10080102030405060708\r\x07z\rF00\rd0019\r' },
}

/** A piece of what the device says, some of it broken; or anything at all. */
function randomChunk(random: Random, says: Buffer): Buffer {
  const length = random.integer(1, MAX_CHUNK_BYTES)
  const kind = random.next()
  if (kind < 0.2) return Buffer.from(Array.from({ length }, () => random.integer(0, 255)))
  const from = random.integer(0, says.length - 1)
  const chunk = Buffer.from(says.subarray(from, from + length))
  if (kind < 0.6) return chunk
  for (let n = random.integer(1, 3); n > 0; n--) {
    const at = random.integer(0, chunk.length - 1)
    if (random.next() < 0.5) chunk[at] = random.integer(0, 255)
    else chunk.copyWithin(at, Math.min(at + 1, chunk.length - 1))
  }
  return chunk
}

for (const [name, { feed, says }] of Object.entries(SUBJECTS)) {
  test(`${name}: random chunks never crash it, give no impossible value, and may be cut anywhere`, () => {
    const random = new Random(SEED, name)
    const said = Buffer.from(says, 'latin1')
    const total = Math.ceil(CHUNKS / Object.keys(SUBJECTS).length)
    let taken = 0
    let dropped = 0
    for (let episode = 0; episode * CHUNKS_PER_EPISODE < total; episode++) {
      const where = `${name}, seed ${SEED}, episode ${episode}`
      const chunks = Array.from({ length: CHUNKS_PER_EPISODE }, () => randomChunk(random, said))
      const apart = new Recorder(new HandClock())
      const whole = new Recorder(new HandClock())
      const feedApart = feed(apart)
      for (const chunk of chunks) feedApart(chunk)
      feed(whole)(Buffer.concat(chunks))
      assert.deepEqual(apart.told, whole.told, where)
      assert.deepEqual(apart.seen, whole.seen, where)
      assert.deepEqual(apart.drops, whole.drops, where)
      check(apart, where)
      taken += apart.told.length + apart.seen.length
      dropped += apart.drops.parse_error ?? 0
    }
    // Both ways were gone, or this tested nothing.
    assert.ok(taken > 0 && dropped > 0, `${name}: ${taken} taken, ${dropped} dropped`)
  })
}

function check(recorder: Recorder, where: string): void {
  for (const { name, value } of recorder.told) {
    const bound = /Latitude$/.test(name) ? 90 : /Longitude$/.test(name) ? 180 : Number.MAX_VALUE
    assert.ok(Math.abs(value) <= bound, `${where}: ${name} is ${value}`)
  }
  for (const { id, flags, data } of recorder.seen) {
    assert.ok(id <= (flags & 1 ? 0x1fff_ffff : 0x7ff), `${where}: identifier ${id}`)
    assert.ok(data.length / 2 <= (flags & 4 ? 64 : flags & 2 ? 64 : 8), `${where}: ${data}`)
  }
  assert.ok(recorder.catalog.size <= MAX_NAMES + 12, where)
}
