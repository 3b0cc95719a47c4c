import type { z } from 'zod'

/**
 * For a rule about several keys of a map: it is told together with mistakes inside them (zod would keep it for
 * the next round), but not where a key is mistyped, which is then why the rule does not hold.
 */
export function together(message: string) {
  return {
    message,
    when: ({ value, issues }: z.core.ParsePayload): boolean =>
      typeof value === 'object' &&
      value !== null &&
      !issues.some(({ code, path = [] }) => code === 'unrecognized_keys' && path.length === 0),
  }
}
