import { createRequire } from 'node:module'

/**
 * kafkajs has no active maintainer, so its faults are fenced here: each fence replaces one function
 * by name, and this version is the only one that they were read against.
 */
export const FENCED_VERSION = '2.2.4'

export const require = createRequire(import.meta.url)

const { version } = require('kafkajs/package.json') as { version: string }
if (version !== FENCED_VERSION) {
  throw new Error(
    `sync/kafka fences kafkajs ${FENCED_VERSION}, but ${version} is installed: read its sources, run the tests of sync/kafka, then change FENCED_VERSION.`,
  )
}

/** Loads an internal module of kafkajs; its own `require` gives it the same object. */
export function internal<T>(path: string): T {
  return require(`kafkajs/src/${path}`) as T
}

/** Puts another module in the place of one that kafkajs loads anew each time it is used. */
export function replaceInternal(path: string, exports: unknown): void {
  const module = require.cache[require.resolve(`kafkajs/src/${path}`)]
  if (!module) throw new Error(`kafkajs ${FENCED_VERSION} has no module ${path}`)
  module.exports = exports
}
