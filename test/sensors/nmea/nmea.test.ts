import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nmea } from '../../../sensors/nmea/nmea.ts'
import { parseSentence } from '../../../sensors/nmea/sentence.ts'
import { dateTimeUs } from '../../../sensors/nmea/time.ts'
import { nmeaSecond, nmeaSentence } from '../../../sensors/simulator/peers/nmea-source.ts'
import type { Recorder } from '../recorder.ts'
import { onLine } from '../serial/line.ts'

const P = 'Vehicle.CurrentLocation.'
const state = {
  utcUs: Date.UTC(2026, 4, 17, 9, 30, 15, 250) * 1000,
  latitude: 48.137154,
  longitude: -11.576124,
  altitudeM: 519.4,
  speedKmh: 87.5,
  headingDeg: 271.25,
  inView: { GP: 9, GL: 6, GA: 4, GB: 0 },
  fix: true,
}
const named = (recorder: Recorder) =>
  recorder.told.map(({ name, value }) => [name.slice(P.length), Number(value.toFixed(6))])

/** Sends lines and returns once the closing one has come through. */
async function told(sentences: string[], look: (recorder: Recorder) => void): Promise<void> {
  await onLine(nmea, {}, async ({ pty, recorder, start }) => {
    start()
    await recorder.until(() => recorder.opens === 1)
    const end = nmeaSentence('XXGSV,1,1,77')
    await pty.write(`\r\n${[...sentences, end].join('\r\n')}\r\n`)
    await recorder.until(() => recorder.told.some(({ value }) => value === 77))
    recorder.told.pop()
    look(recorder)
  })
}

describe('NMEA 0183 over a serial line', () => {
  it('reads a fix of several constellations under the names of VSS, and offers its time', async () => {
    await onLine(nmea, {}, async ({ pty, recorder, clock, start }) => {
      const { running, stop } = start()
      await recorder.until(() => recorder.opens === 1)
      const second = nmeaSecond(state)
      await pty.write(second.slice(30))
      await pty.write(second)
      await recorder.until(() => recorder.times.length > 0 && recorder.told.at(-1)?.value === 19)
      stop()
      await running
      const last = Object.fromEntries(named(recorder))
      assert.deepEqual(last, {
        Latitude: 48.137154,
        Longitude: -11.576124,
        Altitude: 519.4,
        Heading: 271.25,
        Speed: 87.507, // VTG carries knots with two places
        'GNSSReceiver.FixQuality': 1,
        'GNSSReceiver.FixMode': 3,
        'GNSSReceiver.SatellitesUsed': 12,
        'GNSSReceiver.SatellitesInView': 19,
        'GNSSReceiver.Pdop': 1.5,
        'GNSSReceiver.Hdop': 0.8,
        'GNSSReceiver.Vdop': 1.2,
      })
      assert.deepEqual(recorder.times, [{ utcUs: state.utcUs, monoUs: clock.mono }])
      assert.deepEqual(recorder.drops, {})
      assert.equal(recorder.catalog.find(`${P}Speed`)?.unit, 'km/h')
    })
  })

  it('tells no place without a fix, and no 0 for a field that is empty', async () => {
    await told(
      [
        ...nmeaSecond({ ...state, fix: false, inView: {} })
          .trim()
          .split('\r\n'),
        // A fix at standstill: many receivers leave the course empty.
        nmeaSentence('GPRMC,093015,A,4808.2292,N,01134.5674,E,0.02,,170526,,,A'),
        nmeaSentence('GPVTG,,T,,M,,N,,K,A'),
        nmeaSentence('GPGGA,093016,4808.2292,N,01134.5674,E,1,,,,M,,M,,'),
      ],
      (recorder) => {
        assert.deepEqual(
          named(recorder),
          [
            ['GNSSReceiver.FixQuality', 0],
            ['GNSSReceiver.SatellitesUsed', 0],
            ['GNSSReceiver.FixMode', 1],
            ['Latitude', 48.137153],
            ['Longitude', 11.576123],
            ['Speed', 0.03704],
            ['GNSSReceiver.FixQuality', 1],
            ['Latitude', 48.137153],
            ['Longitude', 11.576123],
          ].map(([name, value]) => [
            name,
            typeof value === 'number' ? Number(value.toFixed(6)) : value,
          ]),
        )
        assert.deepEqual(recorder.drops, {})
      },
    )
  })

  it('takes one place from the sentences of one fix, whichever has it', async () => {
    const place = '4808.2292,N,01134.5674,E'
    await told(
      [
        nmeaSentence(`GLGLL,${place},093015.00,A,A`),
        nmeaSentence(`GNGNS,093015.00,${place},ANNN,09,0.9,519.4,47.0,,`),
        nmeaSentence(`GNGLL,${place},093016.00,V,N`),
        nmeaSentence(`GNGNS,093017.00,,,,,NNNN,00,,,,,`),
      ],
      (recorder) => {
        assert.deepEqual(
          recorder.told.map(({ name }) => name.slice(P.length)).filter((name) => /tude/.test(name)),
          ['Latitude', 'Longitude', 'Altitude'],
        )
        assert.deepEqual(recorder.drops, {})
      },
    )
  })

  it('counts wrong checksums and fields that are none, and passes over what is not ours', async () => {
    const good = nmeaSentence('GPGGA,093015,4808.2292,N,01134.5674,E,1,05,1.0,519.4,M,47.0,M,,')
    await told(
      [
        good.replace('519.4', '519.5'), // checksum
        good.slice(0, -1), // one digit of it
        `${good}zz`,
        good.slice(1),
        nmeaSentence('GPGGA,093015,4808.2292,X,01134.5674,E,1,05,1.0,519.4,M,47.0,M,,'),
        nmeaSentence('GPGGA,093015,9908.2292,N,01134.5674,E,1,05,1.0,519.4,M,47.0,M,,'),
        nmeaSentence('GPGGA,093015,4808,N,01134,E,x,05,1.0,519.4,M,47.0,M,,'),
        nmeaSentence('GPGSA,A,9,,,,,,,,,,,,,1,1,1'),
        nmeaSentence('GPRMC,093015,A,4808.2292,N,,,0.02,,170526,,,A'),
        nmeaSentence('PUBX,00,123'),
        nmeaSentence('GPTXT,01,01,02,hello'),
      ],
      (recorder) => {
        assert.deepEqual(recorder.drops, { parse_error: 9 })
        assert.equal(recorder.told.filter(({ name }) => /Lat|Long/.test(name)).length, 0)
      },
    )
  })

  it('forgets a constellation that is told of no more', async () => {
    await onLine(nmea, {}, async ({ pty, recorder, clock, start }) => {
      start()
      await recorder.until(() => recorder.opens === 1)
      await pty.write(`\r\n${nmeaSentence('GPGSV,1,1,07')}\r\n${nmeaSentence('GLGSV,1,1,05')}\r\n`)
      await recorder.until(() => recorder.told.length === 2)
      clock.advance(20_000_000)
      await pty.write(`${nmeaSentence('GPGSV,1,1,08')}\r\n`)
      await recorder.until(() => recorder.told.length === 3)
      assert.deepEqual(
        recorder.told.map(({ value }) => value),
        [7, 12, 8],
      )
    })
  })

  it('comes back after the plug was pulled', async () => {
    await onLine(nmea, {}, async ({ pty, recorder, start, replug }) => {
      const { running } = start()
      await recorder.until(() => recorder.opens === 1)
      await pty.write(`\r\n${nmeaSecond(state)}`)
      await recorder.until(() => recorder.told.at(-1)?.value === 19)
      await pty.close()
      await assert.rejects(running, { code: 'DEVICE_LOST' })
      const again = replug()
      start()
      await recorder.until(() => recorder.opens === 2)
      const before = recorder.told.length
      await again.write(`\r\n${nmeaSecond({ ...state, utcUs: state.utcUs + 1e6 })}`)
      await recorder.until(() => recorder.told.length >= before + 10)
      assert.deepEqual(recorder.drops, {})
    })
  })
})

describe('the time of a receiver', () => {
  it('reads two and four digits of year and every fraction, and nothing that is no instant', () => {
    const us = (...at: Parameters<typeof Date.UTC>) => Date.UTC(...at) * 1000
    assert.equal(dateTimeUs('093015', '170526'), us(2026, 4, 17, 9, 30, 15))
    assert.equal(dateTimeUs('093015.5', '17052026'), us(2026, 4, 17, 9, 30, 15, 500))
    assert.equal(dateTimeUs('093015.001', '170526'), us(2026, 4, 17, 9, 30, 15, 1))
    assert.equal(dateTimeUs('235960', '311226'), us(2027, 0, 1))
    for (const [time, date] of [
      ['', ''],
      ['093015', '310626'],
      ['246000', '170526'],
      ['093015', '001326'],
      ['093015', '220806'], // a week counter that rolled over
      ['9:30', '170526'],
    ]) {
      assert.equal(dateTimeUs(time, date), undefined)
    }
  })

  it('sentences with a checksum in small letters are sentences', () => {
    const sentence = nmeaSentence('GPGSV,1,1,08')
    assert.notEqual(
      parseSentence(sentence.slice(0, -2) + sentence.slice(-2).toLowerCase()),
      undefined,
    )
  })
})
