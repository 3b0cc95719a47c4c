import { FrameBatch } from '../frame.ts'
import type { Profile } from './driver.ts'
import type { FaultPlan } from './faults.ts'
import { STEP_US, Vehicle } from './vehicle.ts'
import { VehicleBus } from './vehicle-bus.ts'

export interface DriveOptions {
  readonly seed: number
  readonly seconds: number
  readonly faults?: readonly FaultPlan[]
  readonly profile?: Profile
  /** 0.1 makes every message ten times rarer. */
  readonly rateScale?: number
  /** Wall time of the first step, microseconds since the epoch. */
  readonly startUs?: number
  /** What `FrameBatch.bus` shall be. */
  readonly bus?: number
  /** Frames of a batch at most. */
  readonly batchFrames?: number
}

/** A drive under way: batches of frames, and the vehicle with its true faults at this moment. */
export interface Drive extends IterableIterator<FrameBatch> {
  readonly vehicle: Vehicle
}

/** When a simulated drive begins unless told otherwise, so that equal drives are equal bytes. */
export const DRIVE_START_US = Date.UTC(2026, 0, 5, 6) * 1000

/**
 * Drives as fast as it goes, for training and benches. The batch is reused: take what is needed
 * before asking for the next. The same options give the same frames.
 */
export function simulateDrive(options: DriveOptions): Drive {
  const vehicle = new Vehicle(options)
  return Object.assign(frames(options, vehicle), { vehicle })
}

function* frames(options: DriveOptions, vehicle: Vehicle): Generator<FrameBatch, undefined> {
  const { seed, seconds, bus, rateScale, startUs = DRIVE_START_US, batchFrames = 512 } = options
  const vehicleBus = new VehicleBus(vehicle, seed, bus, rateScale)
  const room = vehicleBus.maxFramesPerStep
  const batch = new FrameBatch(Math.max(batchFrames, room))
  const endUs = seconds * 1e6
  while (vehicle.timeUs + STEP_US <= endUs) {
    vehicleBus.step(batch)
    if (batch.count + room <= batch.capacity) continue
    yield moved(batch, startUs)
    batch.count = 0
  }
  if (batch.count > 0) yield moved(batch, startUs)
}

function moved(batch: FrameBatch, byUs: number): FrameBatch {
  for (let i = 0; i < batch.count; i++) batch.timeUs[i] += byUs
  return batch
}
