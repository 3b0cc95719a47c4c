/** Rows as flat doubles, at most so many. */
export class RowStore {
  count = 0
  vehicle = new Uint32Array(0)
  timeUs = new Float64Array(0)
  values = new Float64Array(0)
  readonly width: number
  readonly #max: number

  constructor(width: number, max: number) {
    this.width = width
    this.#max = max
  }

  /** A store that holds what another one held: `count` rows in these arrays. */
  restore(vehicle: Uint32Array, timeUs: Float64Array, values: Float64Array): void {
    this.count = vehicle.length
    this.vehicle = vehicle.slice()
    this.timeUs = timeUs.slice()
    this.values = values.slice()
  }

  get full(): boolean {
    return this.count === this.#max
  }

  push(vehicle: number, timeUs: number, values: Float64Array): void {
    if (this.count === this.vehicle.length) this.#grow()
    this.set(this.count++, vehicle, timeUs, values)
  }

  set(at: number, vehicle: number, timeUs: number, values: Float64Array): void {
    this.vehicle[at] = vehicle
    this.timeUs[at] = timeUs
    this.values.set(values, at * this.width)
  }

  row(at: number): Float64Array {
    return this.values.subarray(at * this.width, (at + 1) * this.width)
  }

  #grow(): void {
    const size = Math.min(this.#max, Math.max(1024, this.count * 2))
    const grown = <T extends Uint32Array | Float64Array>(old: T, made: T): T => {
      made.set(old)
      return made
    }
    this.vehicle = grown(this.vehicle, new Uint32Array(size))
    this.timeUs = grown(this.timeUs, new Float64Array(size))
    this.values = grown(this.values, new Float64Array(size * this.width))
  }
}
