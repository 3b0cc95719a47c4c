import { socketcan } from './can/socketcan.ts'
import { elm327 } from './elm327/elm327.ts'
import { j1939 } from './j1939/j1939.ts'
import { lines } from './lines/lines.ts'
import { mqtt } from './mqtt/mqtt.ts'
import { nmea } from './nmea/nmea.ts'
import { obd } from './obd/obd.ts'
import { replay } from './replay/replay.ts'
import type { SensorKind } from './sensor.ts'
import { simulator } from './simulator/simulator.ts'
import { slcan } from './slcan/slcan.ts'
import { uds } from './uds/uds.ts'

/**
 * Every kind of sensor there is; a new one is one folder and one line here. Each kind checks its own
 * config, so that outside of it a config is `unknown` until `config.parse` has made it.
 */
export const SENSOR_KINDS: readonly SensorKind[] = [
  elm327,
  lines,
  mqtt,
  nmea,
  replay,
  slcan,
  socketcan,
  simulator,
  obd,
  j1939,
  uds,
]
