import type { Document, LineCounter } from 'yaml'
import type { z } from 'zod'
import { nearest } from './nearest.ts'

/** One mistake in a config file, as a person is told of it. */
export interface ConfigProblem {
  /** 1-based; 0 where the file as a whole is meant. */
  readonly line: number
  /** Where in the file: `sensors[0].pace`. */
  readonly path: string
  readonly message: string
  /** Where it is a mistyped key: the path that was most likely meant. */
  readonly meant?: string
}

type Path = readonly PropertyKey[]

function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key),
    '',
  )
}

/** Line of the node at `path`, or of the nearest one above it that the file has. */
export function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node =
      length === 0
        ? document.contents
        : (document.getIn(path.slice(0, length), true) as { range?: number[] } | undefined)
    const start = (node as { range?: number[] | null } | null | undefined)?.range?.[0]
    if (start !== undefined) return lines.linePos(start).line
  }
  return 0
}

/** Line of the key `key` in the map at `path`: the value may stand lines below it. */
function lineOfKey(document: Document, lines: LineCounter, path: Path, key: string): number {
  const map = path.length === 0 ? document.contents : document.getIn(path, true)
  const items = (map as { items?: { key?: { value?: unknown; range?: number[] } }[] })?.items ?? []
  const start = items.find((pair) => pair.key?.value === key)?.key?.range?.[0]
  return start === undefined ? lineOf(document, lines, path) : lines.linePos(start).line
}

/** The parts of zod's definitions that are walked here; which are there depends on `type`. */
interface SchemaDef {
  readonly type: string
  readonly innerType: z.core.$ZodType
  readonly in: z.core.$ZodType
  readonly options: readonly z.core.$ZodType[]
  readonly shape: Readonly<Record<PropertyKey, z.core.$ZodType>>
  readonly element: z.core.$ZodType
  readonly valueType: z.core.$ZodType
}

/** Keys that a schema knows at `path`; all branches of a union count. */
export function knownKeys(schema: z.core.$ZodType, path: Path): string[] {
  const def = schema._zod.def as unknown as SchemaDef
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nullable':
      return knownKeys(def.innerType, path)
    case 'pipe':
      return knownKeys(def.in, path)
    case 'union':
      return def.options.flatMap((option) => knownKeys(option, path))
    case 'object': {
      if (path.length === 0) return Object.keys(def.shape)
      const inner = def.shape[path[0]]
      return inner ? knownKeys(inner, path.slice(1)) : []
    }
    case 'array':
      return path.length ? knownKeys(def.element, path.slice(1)) : []
    case 'record':
      return path.length ? knownKeys(def.valueType, path.slice(1)) : []
    default:
      return []
  }
}

/** Turns what was found into lines a person can act on. `prefix` is where `schema` applies. */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  schema: z.core.$ZodType,
  document: Document,
  lines: LineCounter,
  prefix: Path = [],
): ConfigProblem[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path]
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const guess = nearest(key, knownKeys(schema, issue.path))
        return {
          line: lineOfKey(document, lines, path, key),
          path: formatPath([...path, key]),
          message: `no such key${guess ? `; did you mean "${guess}"?` : ''}`,
          ...(guess && { meant: formatPath([...path, guess]) }),
        }
      })
    }
    return [{ line: lineOf(document, lines, path), path: formatPath(path), message: issue.message }]
  })
}

/** A key that is missing because it is mistyped is told once, where it stands. */
export function toldOnce(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const meant = new Set(problems.flatMap(({ meant }) => meant ?? []))
  return problems.filter(({ path, message }) => !meant.has(path) || !message.startsWith('missing'))
}
