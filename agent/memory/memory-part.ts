import type { Part, PartContext } from '../part.ts'
import { letGo } from './let-go.ts'

/** By then all is loaded, connected and compiled that a start needs. */
const FIRST_MS = 15_000
/** Code that ran once since, a report or a reconnect, is let go too. */
const EVERY_MS = 600_000

/** Keeps the agent small: what it does not need is given back to the system. */
export function memoryPart({ log }: PartContext): Part {
  const give = (): void => {
    try {
      letGo()
    } catch (error) {
      log.debug({ err: error }, 'no memory could be given back')
    }
  }
  let every: NodeJS.Timeout | undefined
  const first = setTimeout(() => {
    give()
    every = setInterval(give, EVERY_MS)
  }, FIRST_MS)
  return {
    name: 'memory',
    stop: () => {
      clearTimeout(first)
      clearInterval(every)
    },
  }
}
