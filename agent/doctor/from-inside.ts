import type { PartContext } from '../part.ts'
import { diagnose } from './diagnose.ts'
import type { Finding } from './finding.ts'
import { realProbes } from './probes.ts'

/** What the doctor finds from inside of a running agent. */
export function diagnoseInside(
  context: Pick<PartContext, 'config' | 'dataDir' | 'status'>,
): Promise<Finding[]> {
  const { config, dataDir, status } = context
  return diagnose({
    configFile: config.file,
    config,
    configError: undefined,
    dataDir,
    agent: 'up',
    agentError: undefined,
    status: status(),
    probes: realProbes,
  })
}
