import { join } from 'node:path'
import { ROOT } from '../../support/cli.ts'

/** A vehicle with an ECU, an engine that misfires, and a capture of it: something for every view. */
export const DRIVE = {
  sensors: [
    {
      id: 'engine',
      kind: 'simulator',
      seed: 1,
      speed: 10,
      ecu: {},
      faults: [{ kind: 'misfire', atSec: 30, rate: 4 }],
    },
    { id: 'obd', kind: 'obd', codesEveryMs: 1000 },
  ],
  buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')], send: [0x7df, 0x7e0] } },
  campaigns: [
    { id: 'drive', signals: ['*'], sampleEveryMs: 1000 },
    {
      id: 'revving',
      lane: 'critical',
      signals: ['Engine.Rpm', 'Engine.Throttle'],
      when: 'Engine.Rpm > 1000',
      capture: { beforeMs: 2000, afterMs: 1000 },
    },
  ],
}

/** The page's views and their headings, in the order of its navigation. */
export const VIEWS = [
  ['overview', 'Overview'],
  ['signals', 'Signals'],
  ['faults', 'Faults'],
  ['sync', 'Buffer & sync'],
  ['inferences', 'Inferences'],
  ['captures', 'Captures'],
  ['history', 'History'],
  ['updates', 'Updates'],
  ['doctor', 'Doctor'],
  ['support', 'Support'],
] as const
