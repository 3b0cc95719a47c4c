import type { SignalCatalog } from '../../sensors/reading.ts'
import { FAULT_SIGNAL } from '../../sensors/simulator/simulator.ts'
import type { SensorPlan } from '../config/sensors.ts'
import type { KnownNames } from './condition-names.ts'

/**
 * Kinds of sensors whose readings are known before they are opened: those that deliver frames, which
 * DBC files describe, and few more. What other kinds deliver shows only once it comes.
 */
const OWN_SIGNALS: Readonly<Record<string, readonly string[]>> = {
  replay: [],
  slcan: [],
  socketcan: [],
  simulator: [FAULT_SIGNAL],
}

/** The names that a config's conditions may use. */
export function knownSignals(
  catalog: SignalCatalog,
  sensors: readonly Pick<SensorPlan, 'kind'>[],
): KnownNames {
  const names = new Set(catalog.all().map(({ name }) => name))
  let open = false
  for (const { kind } of sensors) {
    const own = OWN_SIGNALS[kind.kind]
    for (const name of own ?? []) names.add(name)
    open ||= own === undefined
  }
  return { has: (name) => names.has(name), all: () => names, open }
}
