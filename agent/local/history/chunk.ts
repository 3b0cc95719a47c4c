/** Readings of one tier that wait to be written: a value each, or least, most and last of a span. */
export class Chunk {
  count = 0
  /** Index into the catalog. */
  readonly signal: Uint32Array
  readonly timeUs: Float64Array
  readonly last: Float64Array
  /** Undefined where each entry is one reading. */
  readonly min: Float64Array | undefined
  readonly max: Float64Array | undefined

  constructor(capacity: number, spans: boolean) {
    this.signal = new Uint32Array(capacity)
    this.timeUs = new Float64Array(capacity)
    this.last = new Float64Array(capacity)
    this.min = spans ? new Float64Array(capacity) : undefined
    this.max = spans ? new Float64Array(capacity) : undefined
  }

  get full(): boolean {
    return this.count === this.signal.length
  }

  push(signal: number, timeUs: number, last: number, min = last, max = last): void {
    const i = this.count++
    this.signal[i] = signal
    this.timeUs[i] = timeUs
    this.last[i] = last
    if (!this.min || !this.max) return
    this.min[i] = min
    this.max[i] = max
  }
}

/** The entries of one signal in a block or chunk, in the order in which they came. */
export interface Series {
  readonly name: string
  readonly unit: string
  readonly timeUs: Float64Array
  readonly last: Float64Array
  /** The same arrays as `last` where each entry is one reading. */
  readonly min: Float64Array
  readonly max: Float64Array
}

/**
 * A chunk by signal.
 * @param room of the same make, where the numbers are laid; its own where none is given
 */
export function seriesOf(
  chunk: Chunk,
  signalAt: (index: number) => { readonly name: string; readonly unit: string },
  room = new Chunk(chunk.count, chunk.min !== undefined),
): Series[] {
  const rows = new Map<number, number>()
  for (let i = 0; i < chunk.count; i++) {
    const signal = chunk.signal[i]
    rows.set(signal, (rows.get(signal) ?? 0) + 1)
  }
  const at = new Map<number, { series: Series; next: number }>()
  let from = 0
  for (const [signal, count] of rows) {
    const { name, unit } = signalAt(signal)
    const [timeUs, last, min, max] = [room.timeUs, room.last, room.min, room.max].map((all) =>
      (all ?? room.last).subarray(from, from + count),
    )
    at.set(signal, {
      series: { name, unit, timeUs, last, min: room.min ? min : last, max: room.max ? max : last },
      next: 0,
    })
    from += count
  }
  for (let i = 0; i < chunk.count; i++) {
    const place = at.get(chunk.signal[i])!
    const { series } = place
    const k = place.next++
    series.timeUs[k] = chunk.timeUs[i]
    series.last[k] = chunk.last[i]
    if (!chunk.min || !chunk.max) continue
    series.min[k] = chunk.min[i]
    series.max[k] = chunk.max[i]
  }
  return [...at.values()].map(({ series }) => series)
}
