/** What can break in the simulated vehicle. Its place here is its bit in `Simulator.Fault`. */
export const FAULT_KINDS = [
  'puncture',
  'slow-puncture',
  'coolant',
  'bearing',
  'battery',
  'misfire',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** A fault that begins by itself. */
export interface FaultPlan {
  readonly kind: FaultKind
  /** Seconds of simulated time. */
  readonly atSec: number
  /** How fast it grows; 1 is the kind's own rate, as the README lists it. */
  readonly rate?: number
}

/** The simulated vehicle's faults and how far each has grown. */
export class Faults {
  readonly #plans: FaultPlan[]
  readonly #grown = new Map<FaultKind, { rate: number; seconds: number }>()
  #timeSec = 0

  constructor(plans: readonly FaultPlan[] = []) {
    this.#plans = [...plans].sort((a, b) => a.atSec - b.atSec)
  }

  /** Starts a fault now; one that is active already goes on at the new rate. */
  start(kind: FaultKind, rate = 1): void {
    const seconds = this.#grown.get(kind)?.seconds ?? 0
    this.#grown.set(kind, { rate, seconds })
  }

  /** Ends a fault's cause. What it did stays: a tyre that lost air is not filled by this. */
  stop(kind: FaultKind): void {
    this.#grown.delete(kind)
  }

  step(dt: number): void {
    this.#timeSec += dt
    while (this.#plans.length && this.#plans[0].atSec <= this.#timeSec) {
      const plan = this.#plans.shift() as FaultPlan
      this.start(plan.kind, plan.rate)
    }
    for (const fault of this.#grown.values()) fault.seconds += dt * fault.rate
  }

  /** Rate of an active fault, 0 where it is not active. */
  rate(kind: FaultKind): number {
    return this.#grown.get(kind)?.rate ?? 0
  }

  /** Seconds for which a fault has been active, times its rate; 0 where it is not active. */
  grownSec(kind: FaultKind): number {
    return this.#grown.get(kind)?.seconds ?? 0
  }

  /** The truth in one number: bit `i` is set while `FAULT_KINDS[i]` is active. */
  get mask(): number {
    let mask = 0
    for (let i = 0; i < FAULT_KINDS.length; i++) if (this.#grown.has(FAULT_KINDS[i])) mask |= 1 << i
    return mask
  }
}

/** The faults in a value of `Simulator.Fault`. */
export function faultsIn(mask: number): FaultKind[] {
  return FAULT_KINDS.filter((_, i) => mask & (1 << i))
}
