/** Makes a test for names from patterns in which `*` stands for any run of characters. */
export function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(
    (pattern) =>
      new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*')}$`),
  )
  return (name) => expressions.some((expression) => expression.test(name))
}
