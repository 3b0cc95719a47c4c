import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Database } from '../dbc/database.ts'
import { parseDbc } from '../dbc/parse.ts'

/** The simulated vehicle's DBC file. A build leaves it where the sources are, beside `dist`. */
export const VEHICLE_DBC: string = [
  new URL('./vehicle.dbc', import.meta.url),
  new URL('../../../sensors/simulator/vehicle.dbc', import.meta.url),
]
  .map((url) => fileURLToPath(url))
  .reduce((beside, atSource) => (existsSync(beside) ? beside : atSource))

let parsed: Database | undefined

/** The file, parsed once. */
export function vehicleDatabase(): Database {
  parsed ??= parseDbc(readFileSync(VEHICLE_DBC), VEHICLE_DBC)
  return parsed
}
