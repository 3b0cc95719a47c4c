import { FeatureBuilder } from '../../models/features/builder.ts'
import type { FeatureSpec, InputSpec } from '../../models/features/spec.ts'
import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'

export type Reading = [signal: string, value: number, timeMs: number]
export const START_MS = 1_700_000_000_000

export const input = (signal: string, more: Partial<InputSpec> = {}): InputSpec => ({
  name: signal,
  signal,
  unit: '',
  aggregate: 'last',
  missing: { rule: 'skip' },
  ...more,
})

export function spec(inputs: InputSpec[], more: Partial<FeatureSpec> = {}): FeatureSpec {
  return { sampleEveryMs: 1000, windowMs: 1000, graceMs: 0, clip: 100, inputs, ...more }
}

export function feed(builder: FeatureBuilder, catalog: SignalCatalog, readings: Reading[]) {
  const rows: { timeMs: number; raw: number[]; scaled: number[]; fromMs: number; toMs: number }[] =
    []
  const batch = new ReadingBatch(Math.max(1, readings.length))
  for (const [signal, value, timeMs] of readings) {
    batch.push(catalog.intern(signal).index, value, (START_MS + timeMs) * 1000)
  }
  builder.push(batch, (row) =>
    rows.push({
      timeMs: row.timeUs / 1000 - START_MS,
      raw: [...row.raw],
      scaled: [...row.scaled],
      fromMs: row.sourceFromUs / 1000 - START_MS,
      toMs: row.sourceToUs / 1000 - START_MS,
    }),
  )
  return rows
}

export function rowsOf(one: FeatureSpec, readings: Reading[]) {
  const catalog = new SignalCatalog()
  const builder = new FeatureBuilder(one, catalog)
  return { rows: feed(builder, catalog, readings), builder }
}
