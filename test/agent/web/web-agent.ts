import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { makeLogger } from '../../../agent/log.ts'
import type { WebStatus } from '../../../agent/web/web-part.ts'
import { ROOT, writeConfig } from '../../support/cli.ts'
import { until } from '../../support/until.ts'

/** A simulated vehicle that scores itself, without an uplink. */
export const VEHICLE = {
  sensors: [{ id: 'engine', kind: 'simulator', seed: 1 }],
  buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
  campaigns: [{ id: 'drive', signals: ['*'], sampleEveryMs: 1000 }],
  models: [{ bundle: join(ROOT, 'models/bundles/simulator') }],
}

export interface WebAgent {
  readonly agent: Agent
  /** Of the page, with a slash at its end. */
  readonly url: string
  web(): WebStatus
}

/** Starts an agent with the page at a port of its own; stopped with the test unless that is done before. */
export async function startWebAgent(
  t: TestContext,
  dir: string,
  config: Record<string, unknown> = {},
): Promise<WebAgent> {
  const given = { ...VEHICLE, web: { listen: '127.0.0.1:0' }, ...config }
  const agent = await Agent.start(loadConfig(writeConfig(dir, given)), makeLogger('silent'))
  t.after(() => agent.stop())
  const web = (): WebStatus => agent.status().parts.web as WebStatus
  const url = await until('the page to listen', () => web().state === 'listening' && web().url)
  return { agent, url, web }
}
