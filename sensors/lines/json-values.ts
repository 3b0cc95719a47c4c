import type { RawValue } from './fields.ts'

/** Deepest nesting that is walked. */
const MAX_DEPTH = 8

/**
 * Walks parsed JSON and gives every leaf by its path: `{"imu":{"x":1},"t":[2]}` is `imu.x` and `t.0`.
 * Null is a value that is not there and is passed over. False where a leaf was not taken, or the value
 * is nested deeper than eight.
 * @param root key of a value that is no object or array at all
 */
export function walkJson(
  json: unknown,
  root: string,
  take: (key: string, value: RawValue) => boolean,
): boolean {
  return walk(json, root, 0, take)
}

function walk(
  json: unknown,
  path: string,
  depth: number,
  take: (key: string, value: RawValue) => boolean,
): boolean {
  if (json === null) return true
  if (typeof json !== 'object') return take(path, json as RawValue)
  if (depth === MAX_DEPTH) return false
  let good = true
  for (const [key, value] of Object.entries(json)) {
    if (!walk(value, path === '' ? key : `${path}.${key}`, depth + 1, take)) good = false
  }
  return good
}
