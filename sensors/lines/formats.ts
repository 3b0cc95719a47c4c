import { z } from 'zod'
import { lazy } from '../lazy.ts'
import type { RawValue } from './fields.ts'
import { walkJson } from './json-values.ts'

const csvParse = lazy<typeof import('csv-parse/sync')>('csv-parse/sync')
const re2 = lazy<typeof import('re2js')>('re2js')

/** Reads one line; false where it, or a part of it, is not as the format says. */
export type LineFormat = (line: string, take: (key: string, value: RawValue) => boolean) => boolean

const csvKeys = {
  format: z.literal('csv'),
  /** Keys of the columns in order; null passes a column over. */
  columns: z.array(z.string().min(1).nullable()).min(1).max(256),
  separator: z.string().length(1).default(','),
}

const keyValueKeys = {
  format: z.literal('key-value'),
  /** Between key and value. */
  assign: z.string().min(1).default('='),
  /** Each of these characters ends a pair; several in a row are one. */
  separators: z.string().min(1).default(',;& \t'),
}

/** Checks a pattern as RE2 reads it: named groups, no look-around, no back-references. */
const pattern = z.string().superRefine((text, context) => {
  try {
    if (Object.keys(re2().RE2JS.compile(text).namedGroups()).length > 0) return
    context.addIssue('expected at least one named group, such as (?<temp>[0-9.]+)')
  } catch (error) {
    context.addIssue(`no regular expression that RE2 knows: ${(error as Error).message}`)
  }
})

/** Keys of each format beside those that all have. */
export const formatKeys = {
  json: { format: z.literal('json') },
  csv: csvKeys,
  keyValue: keyValueKeys,
  regex: { format: z.literal('regex'), pattern },
}

export type FormatConfig =
  | { readonly format: 'json' }
  | z.infer<z.ZodObject<typeof csvKeys>>
  | z.infer<z.ZodObject<typeof keyValueKeys>>
  | { readonly format: 'regex'; readonly pattern: string }

/** Makes what reads the lines of one format. */
export function makeFormat(config: FormatConfig): LineFormat {
  switch (config.format) {
    case 'json':
      return json
    case 'csv':
      return csv(config.columns, config.separator)
    case 'key-value':
      return keyValue(config.assign, config.separators)
    case 'regex':
      return regex(config.pattern)
  }
}

const json: LineFormat = (line, take) => {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return false
  }
  // A bare number has no name; half a line of an object may look like one.
  if (typeof parsed !== 'object' || parsed === null) return false
  return walkJson(parsed, '', take)
}

function csv(columns: readonly (string | null)[], separator: string): LineFormat {
  const options = { delimiter: separator, trim: true }
  return (line, take) => {
    let cells: string[]
    try {
      cells = csvParse().parse(line, options)[0]
    } catch {
      return false
    }
    // A line with a cell too few or too many has lost or gained one somewhere: no cell can be trusted.
    if (cells?.length !== columns.length) return false
    let good = true
    columns.forEach((key, i) => {
      if (key !== null && cells[i] !== '' && !take(key, cells[i])) good = false
    })
    return good
  }
}

function keyValue(assign: string, separators: string): LineFormat {
  const escaped = separators.replace(/[\\\]^-]/g, '\\$&')
  const ends = new RegExp(`[${escaped}]+`)
  return (line, take) => {
    let good = true
    for (const pair of line.split(ends)) {
      if (pair === '') continue
      const at = pair.indexOf(assign)
      if (at <= 0 || !take(pair.slice(0, at), pair.slice(at + assign.length))) good = false
    }
    return good
  }
}

/**
 * RE2 takes time in proportion to the line. JavaScript's own expressions can take for ever on an
 * unlucky line, and the thread that reads would stand still with them.
 */
function regex(pattern: string): LineFormat {
  const compiled = re2().RE2JS.compile(pattern)
  const names = Object.keys(compiled.namedGroups())
  return (line, take) => {
    const matcher = compiled.matcher(line)
    if (!matcher.find()) return false
    let good = true
    for (const name of names) {
      const found = matcher.group(name)
      if (found !== null && found !== undefined && !take(name, found)) good = false
    }
    return good
  }
}
