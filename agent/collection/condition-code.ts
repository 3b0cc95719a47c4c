/** Gives the value of a condition for the values of its signals, in the order of `names`. */
export type Evaluate = (values: Float64Array) => boolean

interface Node {
  readonly op: string
  readonly args: unknown
}

/** Code of a node, and what it gives. A whole number is one only by its type: it may be a double too. */
interface Code {
  readonly text: string
  readonly type: 'double' | 'int' | 'bool'
}

const COMPARISONS: Readonly<Record<string, string>> = {
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  '==': '===',
  '!=': '!==',
}
const ARITHMETIC = new Set(['+', '-', '*', '/'])
const FUNCTIONS = new Set(['abs', 'min', 'max'])
const OPERATORS = new Set([
  ...Object.keys(COMPARISONS),
  ...ARITHMETIC,
  '&&',
  '||',
  '?:',
  '!_',
  '-_',
])

/**
 * Straight JavaScript of a checked condition, or undefined where it uses more of CEL than comparisons,
 * logic and arithmetic of doubles; the library evaluates it then. Whole-number arithmetic is left to
 * the library too: its division and overflow are not JavaScript's. Only numbers and operators of our
 * own enter the code, never text of the condition.
 */
export function compileNode(ast: unknown, count: number): Evaluate | undefined {
  const code = codeOf(ast as Node, count)
  if (code?.type !== 'bool') return undefined
  return new Function('v', `"use strict"; return ${code.text}`) as Evaluate
}

function codeOf(node: Node, count: number): Code | undefined {
  const { op, args } = node
  if (op === 'value') return literal(args)
  if (op === 'id') {
    const index = Number(/^signal_(\d+)$/.exec(String(args))?.[1] ?? -1)
    return index >= 0 && index < count ? { text: `v[${index}]`, type: 'double' } : undefined
  }
  if (op === 'call') {
    const [name, parts] = args as [string, Node[]]
    if (!FUNCTIONS.has(name)) return undefined
    const inner = parts.map((part) => codeOf(part, count))
    if (!inner.every((part) => part?.type === 'double')) return undefined
    return { text: `Math.${name}(${inner.map((part) => part!.text).join(', ')})`, type: 'double' }
  }
  if (!OPERATORS.has(op)) return undefined
  const parts = (Array.isArray(args) ? args : [args]).map((part) => codeOf(part as Node, count))
  const [a, b, c] = parts
  if (parts.some((part) => part === undefined) || !a) return undefined
  if (op === '!_' && a.type === 'bool') return { text: `!(${a.text})`, type: 'bool' }
  if (op === '-_' && a.type === 'double') return { text: `-(${a.text})`, type: 'double' }
  if (op === '?:' && b && c && b.type === c.type) {
    return { text: `((${a.text}) ? (${b.text}) : (${c.text}))`, type: b.type }
  }
  if (!b) return undefined
  if ((op === '&&' || op === '||') && a.type === 'bool' && b.type === 'bool') {
    return { text: `((${a.text}) ${op} (${b.text}))`, type: 'bool' }
  }
  const numbers = a.type !== 'bool' && b.type !== 'bool'
  const comparison = COMPARISONS[op]
  if (comparison && (numbers || a.type === b.type)) {
    return { text: `((${a.text}) ${comparison} (${b.text}))`, type: 'bool' }
  }
  if (ARITHMETIC.has(op) && a.type === 'double' && b.type === 'double') {
    return { text: `((${a.text}) ${op} (${b.text}))`, type: 'double' }
  }
  return undefined
}

function literal(value: unknown): Code | undefined {
  if (typeof value === 'boolean') return { text: String(value), type: 'bool' }
  if (typeof value === 'number') return { text: `(${value})`, type: 'double' }
  if (typeof value !== 'bigint' || !Number.isSafeInteger(Number(value))) return undefined
  return { text: `(${value})`, type: 'int' }
}
