import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeMessage } from '../../../sensors/dbc/exact.ts'
import { parseDbc } from '../../../sensors/dbc/parse.ts'
import { MessageEncoder } from '../../../sensors/simulator/encode.ts'
import { vehicleDatabase } from '../../../sensors/simulator/vehicle-dbc.ts'

describe('encoder', () => {
  for (const message of vehicleDatabase().messages) {
    it(`writes ${message.name} so that the decoder reads the same, within a step`, () => {
      const encoder = new MessageEncoder(message)
      fc.assert(
        fc.property(
          fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
            minLength: message.signals.length,
            maxLength: message.signals.length,
          }),
          (parts) => {
            const values = message.signals.map((signal, i) => {
              const { minimum = -1000, maximum = 1000 } = signal
              return minimum + (maximum - minimum) * parts[i]
            })
            const data = new Uint8Array(80).fill(0xa5)
            const asked = new Set<string>()
            encoder.encode(
              (signal, i) => {
                asked.add(signal.name)
                return values[i]
              },
              data,
              8,
            )
            const read = decodeMessage(message, data, false, 8, message.length)
            assert.deepEqual(new Set(Object.keys(read)), asked)
            message.signals.forEach((signal, i) => {
              if (!(signal.name in read)) return
              const off = Math.abs(Number(read[signal.name]) - values[i])
              const step = signal.float ? 1e-4 : signal.factor / 2 + 1e-6
              assert.ok(off <= step, `${signal.name}: ${values[i]} became ${read[signal.name]}`)
            })
            // Nothing outside of the payload was touched.
            assert.ok(data.subarray(0, 8).every((byte) => byte === 0xa5))
            assert.ok(data.subarray(8 + message.length).every((byte) => byte === 0xa5))
          },
        ),
      )
    })
  }

  it('keeps values within what the file states and the bits hold', () => {
    const [message] = parseDbc(
      'VERSION ""\nBU_: A\nBO_ 1 M: 4 A\n SG_ Stated : 0|8@1+ (1,0) [0|100] "" A\n SG_ Bits : 8|8@1- (1,0) [0|0] "" A\n',
      'own.dbc',
    ).messages
    const data = new Uint8Array(4)
    new MessageEncoder(message).encode(() => 1e9, data, 0)
    assert.deepEqual({ ...decodeMessage(message, data, false) }, { Stated: 100, Bits: 127 })
    new MessageEncoder(message).encode(() => -1e9, data, 0)
    assert.deepEqual({ ...decodeMessage(message, data, false) }, { Stated: 0, Bits: -128 })
  })

  it('refuses integers that a number cannot hold', () => {
    const [message] = parseDbc(
      'VERSION ""\nBU_: A\nBO_ 1 M: 8 A\n SG_ Wide : 0|64@1+ (1,0) [0|0] "" A\n',
      'own.dbc',
    ).messages
    assert.throws(() => new MessageEncoder(message), RangeError)
  })
})
