import type { StoredRecord } from '../../../sync/record.ts'

export const EPOCH = 'bench'
export const SIGNALS = [
  'Engine.Rpm',
  'Engine.Load',
  'EngineAir.MassFlow',
  'Chassis.Speed',
  'Battery.Voltage',
]

/** A snapshot of some 200 bytes, one a second. */
export function makeRecord(vehicle: number, second: number): StoredRecord {
  const timeUs = Date.UTC(2026, 0, 5) * 1000 + second * 1_000_000
  const signals = Object.fromEntries(
    SIGNALS.map((name, i) => [
      name,
      Number((100 * i + Math.sin(second / 9 + i + vehicle)).toFixed(3)),
    ]),
  )
  return {
    lane: 'telemetry',
    seq: second + 1,
    prev: second,
    type: 'milepost.snapshot.v1',
    timeUs,
    monoUs: second * 1_000_000,
    bootId: '6a2c6b8e',
    clock: 'synced',
    contentType: 'application/json',
    payload: Buffer.from(JSON.stringify({ campaign: 'drive', timeUs, signals })),
  }
}
