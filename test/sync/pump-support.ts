import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Outbox } from '../../sync/outbox/outbox.ts'
import { Pump } from '../../sync/pump.ts'
import type { PumpLimits } from '../../sync/pump-limits.ts'
import { LANES } from '../../sync/record.ts'
import { tempDir } from '../support/temp-dir.ts'
import type { Remote } from './remote.ts'
import { openOutbox } from './support.ts'

const QUICK: Partial<PumpLimits> = {
  minRetryMs: 1,
  maxRetryMs: 5,
  fencedRetryMs: 20,
  minLaneRetryMs: 10,
  maxLaneRetryMs: 40,
}

export function pumpOf(
  t: TestContext,
  outbox: () => Outbox | undefined,
  remote: Remote,
  limits = {},
) {
  const faults: string[] = []
  const pump = new Pump({
    kind: 'memory',
    makeUplink: () => remote.uplink(),
    source: outbox,
    onFault: ({ code }) => faults.push(code),
    limits: { ...QUICK, ...limits },
  })
  t.after(() => pump.close(0))
  pump.start()
  return Object.assign(pump, { faults })
}

export function started(t: TestContext, remote: Remote, limits: Partial<PumpLimits> = {}) {
  const outbox = openOutbox(t, { path: join(tempDir(t), 'o.db') })
  const pump = pumpOf(t, () => outbox, remote, limits)
  return { outbox, pump }
}

export const rest = (outbox: Outbox) => LANES.reduce((sum, lane) => sum + outbox.waiting(lane), 0)
