import type { ComponentChildren } from 'preact'

/** A sentence as errors have it: what stands between backticks is to be typed. */
export function prose(text: string): ComponentChildren {
  const parts = text.split('`')
  // A single backtick is one that somebody meant.
  if (parts.length % 2 === 0) return text
  return parts.map((part, n) => (n % 2 === 1 ? <code key={n}>{part}</code> : part))
}
