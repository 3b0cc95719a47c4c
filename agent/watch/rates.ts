import type { Part, PartContext } from '../part.ts'

const LOOK_MS = 1_000
/** Rates are those of the last so many looks. */
const LOOKS = 5

/** What a sensor delivers in a second, averaged over the last few. */
export interface SensorRate {
  readonly framesPerSec: number
  readonly readingsPerSec: number
}

/** The shape of `parts.rates` in a status: by sensor. */
export type Rates = Readonly<Record<string, SensorRate>>

interface Count {
  readonly monoUs: number
  readonly frames: number
  readonly readings: number
}

/** How fast each sensor delivers, so that one look at the status says it. */
export function ratesPart({ status, clock }: PartContext): Part {
  const looks = new Map<string, Count[]>()
  const look = (): void => {
    const monoUs = clock.monoUs()
    for (const { id, frames, readings } of status().sensors) {
      const counts = looks.get(id) ?? []
      counts.push({ monoUs, frames, readings })
      if (counts.length > LOOKS + 1) counts.shift()
      looks.set(id, counts)
    }
  }
  const timer = setInterval(look, LOOK_MS)
  return {
    name: 'rates',
    status: (): Rates => Object.fromEntries([...looks].map(([id, counts]) => [id, rateOf(counts)])),
    stop: () => clearInterval(timer),
  }
}

function rateOf(counts: readonly Count[]): SensorRate {
  const [first, last] = [counts[0], counts[counts.length - 1]]
  const seconds = (last.monoUs - first.monoUs) / 1e6
  const per = (more: number): number => (seconds > 0 ? Math.round((more / seconds) * 10) / 10 : 0)
  return {
    framesPerSec: per(last.frames - first.frames),
    readingsPerSec: per(last.readings - first.readings),
  }
}
