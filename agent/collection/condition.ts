import type { Environment } from '@marcbachmann/cel-js'
import { lazy } from '../../sensors/lazy.ts'
import { nearest } from '../config/nearest.ts'
import { compileNode, type Evaluate } from './condition-code.ts'
import { type KnownNames, type Reference, referencesIn } from './condition-names.ts'

/** Loaded only where a campaign has a condition. */
const cel = lazy<typeof import('@marcbachmann/cel-js')>('@marcbachmann/cel-js')

/** Most nodes of one condition: a bound for what an evaluation costs. */
const LIMITS = { maxAstNodes: 500, maxDepth: 50, maxListElements: 64, maxCallArguments: 8 }
/** Rows on which the compiled condition must agree with the library before it is used. */
const PROOF_ROWS = 200

/** A condition over signals, checked and ready. */
export interface Condition {
  readonly text: string
  /** Names of the signals that it looks at; nothing else can change its value. */
  readonly names: readonly string[]
  readonly evaluate: Evaluate
  /** Whether it runs as straight code; else the library evaluates it. */
  readonly compiled: boolean
}

/** A condition that is not accepted; the message says why, for a person. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError'
}

/**
 * Checks a condition in CEL (Common Expression Language, cel.dev) and makes it ready. A signal is
 * written by its name, `Vehicle.Speed`, or `signal("any name")` where the name is no identifier. All
 * signals are doubles; beyond CEL, whole numbers may stand among them (`Gear == 3`), and there are
 * `abs`, `min` and `max`. Throws `ConditionError`.
 */
export function compileCondition(text: string, known: KnownNames): Condition {
  const references = parsed(text, known)
  const names = [...new Set(references.map(({ name }) => name))]
  if (names.length === 0) throw new ConditionError('it names no signal, so it would never change')
  const env = environment(names.length)
  const plain = rewrite(text, references, names)
  // Numbers without a point are ints in CEL, and `double == int` is none of its operators.
  const doubles = rewrite(text, references, names, literalsIn(text))
  const source = env.check(plain).valid ? plain : doubles
  const checked = env.check(source)
  if (!checked.valid) throw new ConditionError(reasonOf(env.check(plain).error))
  if (checked.type !== 'bool') {
    throw new ConditionError(`it gives a ${checked.type}, expected true or false`)
  }
  const expression = env.parse(source)
  const slow = byLibrary(expression, names.length)
  const fast = compileNode(expression.ast, names.length)
  const compiled = fast !== undefined && agree(fast, slow, names.length, text)
  return { text, names, evaluate: compiled ? fast : slow, compiled }
}

function parsed(text: string, known: KnownNames): Reference[] {
  let references: Reference[]
  try {
    references = referencesIn(new (cel().Environment)({ limits: LIMITS }).parse(text).ast, known)
  } catch (error) {
    throw new ConditionError(reasonOf(error))
  }
  const unknown = references.find(({ name }) => !known.open && !known.has(name))
  if (unknown) {
    const guess = nearest(unknown.name, known.all())
    throw new ConditionError(
      `no signal is called "${unknown.name}"${guess ? `; did you mean "${guess}"?` : ''}`,
    )
  }
  return references
}

function variable(index: number): string {
  return `signal_${index}`
}

function environment(count: number): Environment {
  const env = new (cel().Environment)({ limits: LIMITS })
    .registerFunction('abs(double): double', (a: number) => Math.abs(a))
    .registerFunction('min(double, double): double', (a: number, b: number) => Math.min(a, b))
    .registerFunction('max(double, double): double', (a: number, b: number) => Math.max(a, b))
  for (let i = 0; i < count; i++) env.registerVariable(variable(i), 'double')
  return env
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The text with a variable in the place of each signal, and other edits. */
function rewrite(
  text: string,
  references: readonly Reference[],
  names: readonly string[],
  more: readonly Edit[] = [],
): string {
  const edits = references.map(({ start, end, name }): Edit => {
    return { start, end, text: variable(names.indexOf(name)) }
  })
  return [...edits, ...more]
    .sort((a, b) => b.start - a.start)
    .reduce((all, edit) => all.slice(0, edit.start) + edit.text + all.slice(edit.end), text)
}

/** Edits that make a double of each whole number. */
function literalsIn(text: string): Edit[] {
  const edits: Edit[] = []
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each)
      return
    }
    if (typeof node !== 'object' || node === null) return
    const { op, args, start, end } = node as {
      op: string
      args: unknown
      start: number
      end: number
    }
    if (op === 'value' && typeof args === 'bigint') edits.push({ start, end, text: `${args}.0` })
    else visit(args)
  }
  visit(new (cel().Environment)({ limits: LIMITS }).parse(text).ast)
  return edits
}

function byLibrary(
  expression: (context: Record<string, number>) => unknown,
  count: number,
): Evaluate {
  const context: Record<string, number> = {}
  return (values) => {
    for (let i = 0; i < count; i++) context[variable(i)] = values[i]
    return expression(context) === true
  }
}

/** Whether both give the same on a spread of rows, those around the condition's own numbers among them. */
function agree(fast: Evaluate, slow: Evaluate, count: number, text: string): boolean {
  const own = [...text.matchAll(/\d+(\.\d+)?/g)].map(([number]) => Number(number))
  const points = [0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY]
  points.push(...own.flatMap((n) => [n, -n, n + 1, n - 1, n * 1.000001]))
  const values = new Float64Array(count)
  for (let row = 0; row < PROOF_ROWS; row++) {
    for (let i = 0; i < count; i++) values[i] = points[(row * (2 * i + 1) + i * 3) % points.length]
    if (fast(values) !== slow(values)) return false
  }
  return true
}

/** The first line of what the library says; below it is our rewritten text, which nobody wrote. */
function reasonOf(error: unknown): string {
  const [line] = String((error as Error).message ?? error).split('\n')
  return /overload: (double|int)/.test(line) ? `${line}; signals are doubles` : line
}
