import type { DropCause } from '../../sensors/sensor.ts'
import type { Complaint } from '../error.ts'

export type SensorState = 'starting' | 'live' | 'stale' | 'recovering' | 'failed' | 'off'

/** What `status` says of one sensor. */
export interface SensorStatus {
  readonly id: string
  readonly kind: string
  readonly bus: string
  readonly state: SensorState
  readonly sinceUs: number
  /** Wall time of its last frame or reading; 0 before the first. */
  readonly lastDataUs: number
  readonly frames: number
  readonly readings: number
  readonly opens: number
  /** How often data stopped because the device was lost or silent and came back, and for how long. */
  readonly gaps: number
  readonly gapMs: number
  readonly dropped: Readonly<Partial<Record<DropCause, number>>>
  /** What the device says of itself: bus state, error counters. */
  readonly device?: Readonly<Record<string, number | string>>
  readonly lastError?: Complaint
}
