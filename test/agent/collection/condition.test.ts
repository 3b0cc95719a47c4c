import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Environment } from '@marcbachmann/cel-js'
import fc from 'fast-check'
import { ConditionError, compileCondition } from '../../../agent/collection/condition.ts'

const NAMES = ['Vehicle.Speed', 'Vehicle.Cabin.Door', 'Engine.Coolant', 'Gear', 'Tyre 1/Pressure']
const known = { has: (name: string) => NAMES.includes(name), all: () => NAMES, open: false }

function holds(text: string, values: Record<string, number>): boolean {
  const condition = compileCondition(text, known)
  assert.deepEqual([...condition.names].sort(), Object.keys(values).sort())
  return condition.evaluate(Float64Array.from(condition.names, (name) => values[name]))
}

describe('conditions', () => {
  test('compare, calculate and combine signals', () => {
    const hot = 'Engine.Coolant > 110.0 && Vehicle.Speed < 30.0'
    assert.equal(holds(hot, { 'Engine.Coolant': 111, 'Vehicle.Speed': 20 }), true)
    assert.equal(holds(hot, { 'Engine.Coolant': 111, 'Vehicle.Speed': 30 }), false)
    assert.equal(holds('Engine.Coolant > 110', { 'Engine.Coolant': 110.5 }), true)
    assert.equal(holds('Gear == 3', { Gear: 3 }), true)
    assert.equal(holds('Gear * 2 - 1 >= 5', { Gear: 3 }), true)
    assert.equal(holds('-Gear < 0 || Gear / 0 > 1', { Gear: -1 }), false)
    assert.equal(holds('!(Gear > 1) ? true : Gear > 4', { Gear: 3 }), false)
    assert.equal(holds('abs(Gear) > max(2, min(5, Gear))', { Gear: -3 }), true)
    assert.equal(holds('Vehicle.Cabin.Door != 0', { 'Vehicle.Cabin.Door': 0 }), false)
    assert.equal(holds('signal("Tyre 1/Pressure") < 180', { 'Tyre 1/Pressure': 170 }), true)
  })

  test('a missing number makes no condition hold but "not equal"', () => {
    const values = { Gear: Number.NaN }
    for (const text of ['Gear > 1', 'Gear <= 1', 'Gear == Gear']) {
      assert.equal(holds(text, values), false, text)
    }
    assert.equal(holds('Gear != 1', values), true)
  })

  test('the rest of CEL goes through the library', () => {
    for (const [text, expected] of [
      ['Gear in [1.0, 3.0]', true],
      ['[1.0, 2.0].exists(x, x == Gear)', false],
      ['int(Gear) % 2 == 1', true],
      ['string(Gear) == "3"', true],
    ] as const) {
      assert.equal(compileCondition(text, known).compiled, false, text)
      assert.equal(holds(text, { Gear: 3 }), expected, text)
    }
  })

  test('what is not accepted is told with its reason and the nearest name', () => {
    for (const [text, reason] of [
      ['Vehicle.Sped > 1', 'no signal is called "Vehicle.Sped"; did you mean "Vehicle.Speed"?'],
      ['Vehicle.Speed', 'it gives a double, expected true or false'],
      ['Vehicle.Speed > "fast"', 'no such overload: double > string; signals are doubles'],
      ['Vehicle.Speed >', 'Unexpected token: EOF'],
      ['1 < 2', 'it names no signal, so it would never change'],
      ['Gear && true', /Logical operator requires bool|no such overload|bool/],
      [`Gear > 1${' && Gear > 1'.repeat(400)}`, /exceeded|limit/i],
    ] as const) {
      assert.throws(
        () => compileCondition(text, known),
        (error: unknown) => {
          assert.ok(error instanceof ConditionError, String(error))
          if (typeof reason === 'string') assert.equal(error.message, reason)
          else assert.match(error.message, reason)
          return true
        },
      )
    }
  })

  test('where signals may turn up later, any name goes', () => {
    const condition = compileCondition('Obd.Rpm > 1', { ...known, open: true })
    assert.deepEqual(condition.names, ['Obd.Rpm'])
  })

  test('compiled code gives what the library gives, for any expression of its kind', () => {
    const number = fc.constantFrom('a', 'b', '1.0', '2.5', '0.0', '-3.25', '1e300')
    const { expression } = fc.letrec<{ sum: string; comparison: string; expression: string }>(
      (tie) => ({
        sum: fc.oneof(
          { depthSize: 'small' },
          number,
          fc
            .tuple(tie('sum'), fc.constantFrom('+', '-', '*', '/'), tie('sum'))
            .map((p) => `(${p.join(' ')})`),
          tie('sum').map((s) => `abs(${s})`),
        ),
        comparison: fc
          .tuple(tie('sum'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('sum'))
          .map((p) => p.join(' ')),
        expression: fc.oneof(
          { depthSize: 'small' },
          tie('comparison'),
          fc
            .tuple(tie('expression'), fc.constantFrom('&&', '||'), tie('expression'))
            .map((p) => `(${p.join(' ')})`),
          tie('expression').map((e) => `!(${e})`),
          fc
            .tuple(tie('expression'), tie('expression'), tie('expression'))
            .map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
        ),
      }),
    )
    const names = {
      has: (name: string) => name === 'a' || name === 'b',
      all: () => ['a', 'b'],
      open: false,
    }
    const env = new Environment()
      .registerFunction('abs(double): double', (x: number) => Math.abs(x))
      .registerVariable('a', 'double')
      .registerVariable('b', 'double')
    let compiled = 0
    fc.assert(
      fc.property(expression, fc.double(), fc.double(), (text, a, b) => {
        let condition: ReturnType<typeof compileCondition>
        try {
          condition = compileCondition(text, names)
        } catch (error) {
          assert.ok(error instanceof ConditionError, String(error))
          return
        }
        if (!condition.compiled || !env.check(text).valid) return
        compiled++
        const values = { a, b }
        const row = Float64Array.from(condition.names, (name) => values[name as 'a' | 'b'])
        assert.equal(condition.evaluate(row), env.evaluate(text, values), text)
      }),
      { seed: 20_261_123, numRuns: 1000 },
    )
    assert.ok(compiled > 100, `only ${compiled} were compiled and valid as they stand`)
  })
})
