import { isAbsolute, normalize } from 'node:path'

/** True for a path that stays inside the folder it is relative to. */
export function staysInside(path: string): boolean {
  const plain = normalize(path)
  return !isAbsolute(plain) && !/[\\\0]/.test(path) && plain.split('/')[0] !== '..'
}
