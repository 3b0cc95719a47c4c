import type { FrameBatch } from '../sensors/frame.ts'
import type { SignalCatalog } from '../sensors/reading.ts'
import type { Clock } from '../sensors/sensor.ts'
import type { Channels } from './channels.ts'
import type { Caught } from './fence.ts'
import type { Logger } from './log.ts'
import type { NamedReadings } from './names/named-readings.ts'
import type { Pipeline } from './pipeline.ts'
import type { SupervisedHost } from './supervisor/supervised.ts'
import type { Taps } from './taps.ts'

/** What sensors deliver to: pipeline, channels, and whoever watches. */
export function sensorHost(parts: {
  catalog: SignalCatalog
  clock: Clock
  log: Logger
  channels: Channels
  pipeline: Pipeline
  named: NamedReadings
  taps: Taps
  event(type: string, timeUs: number, content: Record<string, unknown>): void
  caught: Caught
}): SupervisedHost {
  const { catalog, clock, log, channels, pipeline, named, taps, event, caught } = parts
  return {
    catalog,
    clock,
    frames: (batch: FrameBatch) => {
      pipeline.frames(batch)
      channels.route(batch)
      taps.frames(batch)
    },
    bus: (index) => channels.of(index),
    readings: (batch) => named.apply(batch, (given) => pipeline.readings(given)),
    event: (sensor, type, content, timeUs) => event(type, timeUs, { sensor, timeUs, ...content }),
    timeSeen: (sensor, utcUs, monoUs) => taps.timeSeen(sensor, utcUs, monoUs),
    changed: (status) => {
      const { id, state, lastError } = status
      const level = state === 'live' || state === 'off' || state === 'starting' ? 'info' : 'warn'
      log[level]({ sensor: id, state, ...lastError }, `sensor ${id} is ${state}`)
      taps.sensor(status)
    },
    caught,
  }
}
