/** Which names a condition may use. */
export interface KnownNames {
  has(name: string): boolean
  all(): Iterable<string>
  /** Signals may turn up later that nobody can know of yet: any name goes. */
  readonly open: boolean
}

/** A place in a condition where a signal is named. */
export interface Reference {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** What is used of a node of the library's syntax tree. */
interface Node {
  readonly op: string
  readonly args: unknown
  readonly start: number
  readonly end: number
}

/** Macros whose first argument names a variable of their own (CEL specification, Macros). */
const MACROS = new Set(['all', 'exists', 'exists_one', 'filter', 'map'])

/** Every signal that a condition names: `Vehicle.Speed`, or `signal("Vehicle.Speed")`. */
export function referencesIn(ast: unknown, known: KnownNames): Reference[] {
  const references: Reference[] = []
  const visit = (node: unknown, own: ReadonlySet<string>): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each, own)
      return
    }
    if (!isNode(node)) return
    const { op, args, start, end } = node
    if (op === 'call') {
      const [name, [argument] = []] = args as [string, Node[]]
      if (name === 'signal' && argument?.op === 'value' && typeof argument.args === 'string') {
        references.push({ name: argument.args, start, end })
        return
      }
    }
    const path = pathOf(node)
    if (path !== undefined) {
      const [root] = path.split('.')
      if (own.has(root)) return
      // `A.B` of a signal called `A` would be a field of a number: the longest name that is known.
      if (op === '.' && !known.has(path) && isPrefixKnown(node, known)) {
        visit((args as unknown[])[0], own)
        return
      }
      references.push({ name: path, start, end })
      return
    }
    const inner = macroVariable(node)
    visit(args, inner === undefined ? own : new Set([...own, inner]))
  }
  visit(ast, new Set())
  return references
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}

/** `A.B.C` as its parts are written, undefined where the node is no such path. */
function pathOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.op === 'id') return String(node.args)
  if (node.op !== '.') return undefined
  const [object, field] = node.args as [unknown, string]
  const path = pathOf(object)
  return path === undefined ? undefined : `${path}.${field}`
}

function isPrefixKnown(node: Node, known: KnownNames): boolean {
  const [object] = node.args as [unknown]
  const path = pathOf(object)
  if (path === undefined || !isNode(object)) return false
  return known.has(path) || (object.op === '.' && isPrefixKnown(object, known))
}

function macroVariable({ op, args }: Node): string | undefined {
  if (op !== 'rcall') return undefined
  const [name, , [first] = []] = args as [string, unknown, unknown[]]
  return MACROS.has(name) && isNode(first) && first.op === 'id' ? String(first.args) : undefined
}
