import { type Random, Wander } from './random.ts'

/** Where the vehicle is driven. */
export const PROFILES = ['mixed', 'city', 'highway', 'depot'] as const
export type Profile = (typeof PROFILES)[number]

/** Values of `Chassis.Driving`. */
export const STOPPED = 0
export const ACCELERATING = 1
export const CRUISING = 2
export const BRAKING = 3

interface Stretch {
  /** m/s; 0 is a stop. */
  readonly targetSpeed: number
  readonly seconds: number
}

interface Habits {
  /** Speeds that are driven, km/h. */
  readonly speeds: readonly number[]
  readonly stretchSec: readonly [number, number]
  /** Chance that a stretch ends in a stop. */
  readonly stops: number
  readonly stopSec: readonly [number, number]
}

const HABITS: Record<Exclude<Profile, 'mixed'>, Habits> = {
  city: { speeds: [30, 30, 50, 50, 60], stretchSec: [12, 45], stops: 0.6, stopSec: [4, 30] },
  highway: {
    speeds: [80, 100, 110, 120, 130],
    stretchSec: [40, 150],
    stops: 0.04,
    stopSec: [5, 20],
  },
  depot: { speeds: [8, 12, 15], stretchSec: [8, 20], stops: 0.9, stopSec: [30, 180] },
}

/** Decides how fast to go: stretches at a speed, stops between, and a foot that is never still. */
export class Driver {
  /** Speed aimed at, m/s. */
  targetSpeed = 0
  readonly #profile: Profile
  readonly #random: Random
  readonly #foot: Wander
  #stretch: Stretch
  #leftSec: number

  constructor(profile: Profile, random: Random) {
    this.#profile = profile
    this.#random = random
    this.#foot = new Wander(random, 0.02, 6)
    this.#stretch = { targetSpeed: 0, seconds: random.between(3, 8) }
    this.#leftSec = this.#stretch.seconds
  }

  step(dt: number): void {
    this.#leftSec -= dt
    if (this.#leftSec <= 0) {
      this.#stretch = this.#next()
      this.#leftSec = this.#stretch.seconds
    }
    this.targetSpeed = this.#stretch.targetSpeed * (1 + this.#foot.step(dt))
  }

  #next(): Stretch {
    const random = this.#random
    const habits = HABITS[this.#profile === 'mixed' ? this.#road() : this.#profile]
    const moving = this.#stretch.targetSpeed > 0
    if (moving && random.next() < habits.stops) {
      return { targetSpeed: 0, seconds: random.between(...habits.stopSec) + this.#brakingSec() }
    }
    const speed = habits.speeds[random.integer(0, habits.speeds.length - 1)]
    return {
      targetSpeed: (speed * random.between(0.92, 1.04)) / 3.6,
      seconds: random.between(...habits.stretchSec),
    }
  }

  /** A mixed drive stays on the kind of road it is on for some stretches. */
  #road(): 'city' | 'highway' {
    const fast = this.#stretch.targetSpeed > 18
    return this.#random.next() < (fast ? 0.7 : 0.25) ? 'highway' : 'city'
  }

  /** So that a stop is time at rest and not only braking. */
  #brakingSec(): number {
    return this.#stretch.targetSpeed / 1.8
  }
}
