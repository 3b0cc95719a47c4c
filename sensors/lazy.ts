import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * A library that is loaded when it is first used: a gateway with one bus must not wait for, nor keep in
 * memory, what only other sensors need. For code that cannot wait for `import()`.
 * @param name as for `import`; an ES module must not await at its top level
 */
export function lazy<Library>(name: string): () => Library {
  let loaded: Library | undefined
  return () => (loaded ??= require(name) as Library)
}
