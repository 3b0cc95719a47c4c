import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { MAX_NAMES } from '../../../sensors/lines/fields.ts'
import { lines } from '../../../sensors/lines/lines.ts'
import { LINE_FORMATS } from '../../../sensors/simulator/peers/line-device.ts'
import type { Recorder } from '../recorder.ts'
import { onLine } from '../serial/line.ts'

const values = { temp: 21.5, rpm: 840, door: 1 }
const seen = (recorder: Recorder) => recorder.told.map(({ name, value }) => [name, value])

const configs = {
  json: { format: 'json' },
  csv: { format: 'csv', columns: ['temp', 'rpm', 'door'] },
  'key-value': { format: 'key-value' },
  text: {
    format: 'regex',
    pattern: 'temp is (?<temp>\\S+); rpm is (?<rpm>\\d+); door is (?P<door>\\d)',
  },
} as const

describe('lines over a serial line', () => {
  for (const [format, config] of Object.entries(configs)) {
    it(`reads ${format}, names and scales, and counts what is no such line`, async () => {
      const fields = { temp: { name: 'Vehicle.Cabin.Temp', unit: 'celsius', scale: 2, offset: -1 } }
      await onLine(lines, { ...config, fields, prefix: 'Box.' }, async (bench) => {
        const { pty, recorder, clock, start } = bench
        const { running, stop } = start()
        await recorder.until(() => recorder.opens === 1)
        const line = LINE_FORMATS[format as keyof typeof LINE_FORMATS](values)
        // The first line may be the tail of one.
        await pty.write(`${line.slice(-3)}\r\n`)
        await pty.write(`${line}\r\n`)
        await recorder.until(() => recorder.told.length === 3)
        await pty.write(`<<<>>>\n\xff\xfe\n${'9'.repeat(5000)}\n${line}\n`)
        await recorder.until(() => recorder.told.length === 6)
        const once = [
          ['Vehicle.Cabin.Temp', 42],
          ['Box.rpm', 840],
          ['Box.door', 1],
        ]
        assert.deepEqual(seen(recorder), [...once, ...once])
        assert.equal(recorder.catalog.find('Vehicle.Cabin.Temp')?.unit, 'celsius')
        assert.equal(recorder.told[0].timeUs, clock.wall)
        assert.deepEqual(recorder.drops, { parse_error: 3 })
        stop()
        await running
      })
    })
  }

  it('walks nested JSON, takes words and truth, and passes over what is not there', async () => {
    const fields = { state: { values: { open: 1, closed: 0 } } }
    await onLine(lines, { format: 'json', fields }, async ({ pty, recorder, start }) => {
      start()
      await recorder.until(() => recorder.opens === 1)
      const line = {
        imu: { x: 1, y: [2, '3'] },
        ok: true,
        gone: null,
        note: 'warm',
        state: 'open',
      }
      await pty.write(`\n${JSON.stringify(line)}\n{"state":"ajar","z":1e999}\n{"last":7}\n`)
      await recorder.until(() => recorder.told.some(({ name }) => name === 'last'))
      assert.deepEqual(seen(recorder), [
        ['imu.x', 1],
        ['imu.y.0', 2],
        ['imu.y.1', 3],
        ['ok', 1],
        ['state', 1],
        ['last', 7],
      ])
      // `ajar` is no word of ours and 1e999 no number: one bad line.
      assert.deepEqual(recorder.drops, { parse_error: 1 })
    })
  })

  it('trusts no cell of a CSV line that has one too few', async () => {
    const config = { format: 'csv', columns: ['a', null, 'c'], separator: ';', comment: '#' }
    await onLine(lines, config, async ({ pty, recorder, start }) => {
      start()
      await recorder.until(() => recorder.opens === 1)
      await pty.write('\n# a;b;c\n1;2\n1;2;3;4\n"1";x;-2.5e1\n')
      await recorder.until(() => recorder.told.length === 2)
      assert.deepEqual(seen(recorder), [
        ['a', 1],
        ['c', -25],
      ])
      assert.deepEqual(recorder.drops, { parse_error: 2 })
    })
  })

  it('takes only so many names from a device that makes them up', async () => {
    await onLine(lines, { format: 'key-value' }, async ({ pty, recorder, start }) => {
      start()
      await recorder.until(() => recorder.opens === 1)
      const many = Array.from({ length: MAX_NAMES + 10 }, (_, i) => `k${i}=${i}\n`).join('')
      await pty.write(`\n${many}k0=1\n`)
      await recorder.until(() => recorder.told.length === MAX_NAMES + 1)
      assert.equal(recorder.catalog.size, MAX_NAMES)
      assert.deepEqual(recorder.drops, { parse_error: 10 })
    })
  })

  it('is lost when the plug is pulled, and reads on under the same name when it is back', async () => {
    await onLine(lines, { format: 'key-value' }, async (bench) => {
      const { pty, recorder, start, replug } = bench
      const { running, signal } = start()
      await recorder.until(() => recorder.opens === 1)
      await pty.write('\na=1\na=2')
      await recorder.until(() => recorder.told.length === 1)
      await pty.close()
      await assert.rejects(running, { code: 'DEVICE_LOST' })
      assert.deepEqual(getEventListeners(signal, 'abort'), [], 'what is lost is let go')
      await assert.rejects(start().running, { code: 'DEVICE_MISSING' })
      const again = replug()
      start()
      await recorder.until(() => recorder.opens === 2)
      // The rest of the line that was cut does not join the half from before.
      await again.write('9\na=3\n')
      await recorder.until(() => recorder.told.length === 2)
      assert.deepEqual(seen(recorder), [
        ['a', 1],
        ['a', 3],
      ])
    })
  })

  it('says that speed or device is wrong when nothing but rubbish comes', async () => {
    await onLine(
      lines,
      { format: 'json', baudRate: 9600 },
      async ({ pty, recorder, link, start }) => {
        const { running } = start()
        await recorder.until(() => recorder.opens === 1)
        const rubbish = Buffer.alloc(20_000, '\x80\xf8\n\x00~')
        void pty.write(rubbish).catch(() => {})
        await assert.rejects(running, (error: Error & { code: string; hint: string }) => {
          assert.equal(error.code, 'DEVICE_PROTOCOL')
          assert.ok(error.message.includes(link) && error.message.includes('9600'))
          assert.match(error.hint, /stty -F .* 9600.*baudRate/)
          return true
        })
        assert.ok((recorder.drops.parse_error ?? 0) > 0)
      },
    )
  })

  it('refuses patterns without names or beyond RE2, and formats without their keys', () => {
    const wrong = (config: object) => lines.config.safeParse({ port: '/dev/x', ...config }).success
    assert.equal(wrong({ format: 'regex', pattern: '(\\d+)' }), false)
    assert.equal(wrong({ format: 'regex', pattern: '(?<a>x)(?=y)' }), false)
    assert.equal(wrong({ format: 'csv' }), false)
    assert.equal(wrong({ format: 'json', fields: { a: { scale: 0 } } }), false)
    assert.equal(wrong({ format: 'json' }), true)
  })

  it('an unlucky line does not hang an unlucky pattern', async () => {
    const config = { format: 'regex', pattern: '^(?<a>(x+x+)+y)$', maxLineBytes: 1024 }
    await onLine(lines, config, async ({ pty, recorder, start }) => {
      start()
      await recorder.until(() => recorder.opens === 1)
      await pty.write(`\n${'x'.repeat(1000)}\n`)
      await recorder.until(() => recorder.drops.parse_error === 1)
    })
  })
})
