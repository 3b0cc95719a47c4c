import { DatabaseSet } from '../../../sensors/dbc/database-set.ts'
import { Decoder } from '../../../sensors/dbc/decoder.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'
import { type DriveOptions, simulateDrive } from '../../../sensors/simulator/drive.ts'
import { vehicleDatabase } from '../../../sensors/simulator/vehicle-dbc.ts'

/** One signal of a drive, as decoded from its frames. */
export interface Trace {
  readonly sec: number[]
  readonly values: number[]
}

/** Drives, decodes every frame with the DBC file, and sorts the readings by signal. */
export function traces(options: DriveOptions): ReadonlyMap<string, Trace> {
  const catalog = new SignalCatalog()
  const decoder = new Decoder([new DatabaseSet([vehicleDatabase()])], catalog)
  const found = new Map<string, Trace>()
  const startUs = 1_000_000_000
  const take = (batch: ReadingBatch): void => {
    for (let i = 0; i < batch.count; i++) {
      const { name } = catalog.at(batch.signal[i])
      let trace = found.get(name)
      if (!trace) found.set(name, (trace = { sec: [], values: [] }))
      trace.sec.push((batch.timeUs[i] - startUs) / 1e6)
      trace.values.push(batch.value[i])
    }
  }
  const readings = new ReadingBatch()
  for (const frames of simulateDrive({ ...options, startUs }))
    decoder.decode(frames, readings, take)
  take(readings)
  if (decoder.unknown + decoder.short + decoder.skipped > 0) throw new Error('a frame not decoded')
  return found
}

export function trace(all: ReadonlyMap<string, Trace>, name: string): Trace {
  const found = all.get(name)
  if (!found) throw new Error(`no reading of ${name}`)
  return found
}

/** Values from `fromSec` to before `toSec`. */
export function between(found: Trace, fromSec: number, toSec: number): number[] {
  return found.values.filter((_, i) => found.sec[i] >= fromSec && found.sec[i] < toSec)
}

export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new Error('no value to take the mean of')
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
