import { type ParseArgsConfig, parseArgs } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * The options of a run that is started by hand. `--help` prints `usage` and ends with 0; a mistake is told
 * with `usage` on standard error and ends with 2, before anything is started.
 * @param usage how it is typed, its options and what it exits with
 * @param numbers options that must be whole numbers, zero or more
 */
export function longRunOptions<const T extends Options>(
  usage: string,
  options: T,
  numbers: readonly (keyof T & string)[],
) {
  try {
    const { values } = parseArgs({
      options: { ...options, help: { type: 'boolean', short: 'h', default: false } },
    })
    const given = values as Record<string, string | boolean>
    if (given.help) {
      console.log(usage)
      process.exit(0)
    }
    for (const name of numbers) {
      if (!/^\d{1,15}$/.test(String(given[name])))
        throw new TypeError(`--${name} takes a whole number, not "${given[name]}"`)
    }
    return given as { [K in keyof T]: T[K]['type'] extends 'boolean' ? boolean : string }
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}

/** A seed for who names none: the run prints it, so that it can be had again. */
export const SOME_SEED = String(Date.now() % 1_000_000)
