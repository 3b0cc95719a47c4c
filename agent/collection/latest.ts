import type { ReadingBatch } from '../../sensors/reading.ts'

/** The latest value of every signal, in flat arrays that grow with the catalog. */
export class Latest {
  value = new Float64Array(256)
  /** Microseconds since the epoch; 0 for a signal never seen. */
  timeUs = new Float64Array(256)

  /** Makes room for signals up to `size`. */
  reserve(size: number): void {
    if (size <= this.value.length) return
    const capacity = 2 ** Math.ceil(Math.log2(size))
    const value = new Float64Array(capacity)
    const timeUs = new Float64Array(capacity)
    value.set(this.value)
    timeUs.set(this.timeUs)
    this.value = value
    this.timeUs = timeUs
  }

  update(batch: ReadingBatch): void {
    const { signal, value, timeUs } = batch
    for (let i = 0; i < batch.count; i++) {
      const s = signal[i]
      this.value[s] = value[i]
      this.timeUs[s] = timeUs[i]
    }
  }
}
