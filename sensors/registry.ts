import type { SensorKind } from './sensor.ts'

/** Every kind of sensor there is; a new one is one folder and one line here. */
export const SENSOR_KINDS: readonly SensorKind<any>[] = []
