// Conditions/s: compiled straight code beside the library's own evaluation of the same condition.
import { Environment } from '@marcbachmann/cel-js'
import { compileCondition } from '../../agent/collection/condition.ts'
import { type BenchRow, median } from './bench.ts'

const CONDITIONS = [
  'Engine.Coolant > 110',
  'Engine.Coolant > 110.0 && Vehicle.Speed < 30.0',
  'abs(Wheel.Left - Wheel.Right) > max(2.0, 0.1 * Vehicle.Speed) || Brake.Pressure > 80.0',
]
const ROUNDS = 5
const ROWS = 256
const OUR_PASSES = 4000
const PEER_PASSES = 100

export async function bench(): Promise<BenchRow[]> {
  const known = { has: () => true, all: () => [], open: true }
  return CONDITIONS.map((text) => {
    const { names, evaluate, compiled } = compileCondition(text, known)
    if (!compiled) throw new Error(`not compiled: ${text}`)
    const rows = Array.from({ length: ROWS }, (_, row) =>
      Float64Array.from(names, (_name, i) => ((row * 37 + i * 91) % 200) - 20),
    )
    const env = new Environment()
      .registerFunction('abs(double): double', (a: number) => Math.abs(a))
      .registerFunction('max(double, double): double', (a: number, b: number) => Math.max(a, b))
    names.forEach((_, i) => void env.registerVariable(`s${i}`, 'double'))
    const flat = names.reduce((all, name, i) => all.replaceAll(name, `s${i}`), text)
    const peer = env.parse(flat)
    const contexts = rows.map((row) => Object.fromEntries([...row].map((v, i) => [`s${i}`, v])))
    let [held, theirs] = [0, 0]
    const ourRate = rate(OUR_PASSES, () => {
      for (const row of rows) if (evaluate(row)) held++
    })
    const peerRate = rate(PEER_PASSES, () => {
      for (const context of contexts) if (peer(context) === true) theirs++
    })
    if (held / OUR_PASSES !== theirs / PEER_PASSES) throw new Error(`they disagree: ${text}`)
    return {
      name: `condition of ${names.length} signals`,
      unit: 'per s',
      ours: ourRate,
      peer: 'cel-js',
      theirs: peerRate,
      ratio: ourRate / peerRate,
    }
  })
}

/** Evaluations per second, the middle of some rounds. */
function rate(passes: number, pass: () => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const began = performance.now()
    for (let i = 0; i < passes; i++) pass()
    return (passes * ROWS) / ((performance.now() - began) / 1000)
  })
  return median(rounds)
}
