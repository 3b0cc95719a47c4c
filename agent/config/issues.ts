import type { z } from 'zod'
import { nearest } from './nearest.ts'

/** How often a word that chooses a form may be wrong on the way down: an uplink, and its login. */
const MAX_GUESSES = 8

type Issue = z.core.$ZodIssue
type Choice = z.core.$ZodIssueInvalidUnion & {
  readonly discriminator: string
  readonly options: readonly string[]
}

/**
 * All that is wrong with a value, in one go: where the word that chooses its form is mistyped (`kind: kafak`),
 * or its key is (`knid: kafka`), what else is wrong is found by the form that was most likely meant.
 */
export function issuesOf(schema: z.core.$ZodType, raw: unknown): Issue[] {
  const told: Issue[] = []
  const value: unknown = structuredClone(raw)
  for (let guesses = 0; guesses < MAX_GUESSES; guesses++) {
    const issues = (schema as z.ZodType).safeParse(value).error?.issues ?? []
    const chosen = issues.flatMap((issue) => {
      const meant = isChoice(issue) && meantBy(issue, at(value, issue.path.slice(0, -1)))
      return meant ? [{ issue: issue as Choice, meant }] : []
    })
    if (chosen.length === 0)
      return [...told, ...issues.flatMap(closer).map((issue) => said(issue, value))]
    for (const { issue, meant } of chosen) {
      told.push(said(issue, value))
      const map = at(value, issue.path.slice(0, -1)) as Record<string, unknown>
      map[issue.discriminator] = meant
    }
  }
  return told
}

/** The word that a map most likely means to choose its form by, where its key or the word is mistyped. */
export function meantWord(
  map: Readonly<Record<string, unknown>>,
  key: string,
  words: readonly string[],
): string | undefined {
  const keys = key in map ? [key] : Object.keys(map).filter((other) => nearest(other, [key]))
  const values = keys.map((other) => map[other]).filter((value) => typeof value === 'string')
  const exact = values.find((value) => words.includes(value))
  return exact ?? values.map((value) => nearest(value, words)).find((guess) => guess !== undefined)
}

function isChoice(issue: Issue): issue is Choice {
  return issue.code === 'invalid_union' && 'discriminator' in issue && 'options' in issue
}

function meantBy({ discriminator, options }: Choice, map: unknown): string | undefined {
  return meantWord(map as Record<string, unknown>, discriminator, options)
}

function at(value: unknown, path: Issue['path']): unknown {
  return path.reduce<unknown>((inner, key) => (inner as never)?.[key], value)
}

/** What zod says, in a person's words: what is missing is called so, and a mistyped word has its nearest. */
function said(issue: Issue, root: unknown): Issue {
  const missing = / expected (.*), received undefined$/.exec(issue.message)?.[1]
  if (missing) return { ...issue, message: `missing: expected ${missing}` }
  const words = isChoice(issue)
    ? issue.options
    : issue.code === 'invalid_value'
      ? issue.values.map(String)
      : []
  if (words.length === 0) return issue
  const value = at(root, issue.path)
  const expected = `expected ${words.length > 1 ? 'one of ' : ''}${words.join(', ')}`
  if (value === undefined) return { ...issue, message: `missing: ${expected}` }
  const guess = typeof value === 'string' ? nearest(value, words) : undefined
  const meant = guess ? `; did you mean "${guess}"?` : ''
  return { ...issue, message: `${expected}, not ${JSON.stringify(value)}${meant}` }
}

/**
 * What a union refused, as what its branches say: where the value is of one branch's form, the mistakes inside
 * it, else what would do.
 */
function closer(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const branches = issue.errors.map((issues) => issues.flatMap(closer))
  const meant = branches.find((issues) =>
    issues.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys'),
  )
  if (meant) return meant.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
  // What a schema says itself is said better.
  if (issue.message !== 'Invalid input') return [issue]
  const expected = branches.flat().map(({ message }) => message.replace(/^.*?expected /, ''))
  const wanted = expected.map((each) => each.replace(/, received .*$/, ''))
  return [{ ...issue, message: `Invalid input: expected ${[...new Set(wanted)].join(', or ')}` }]
}
