import { Content } from '../api/content.ts'
import { operation } from '../api/operation.ts'
import { diagnose } from '../doctor/diagnose.ts'
import { realProbes } from '../doctor/probes.ts'
import { AgentError } from '../error.ts'
import type { Part, PartContext } from '../part.ts'
import { listOf, packSupport, supportName } from './archive.ts'
import { type SupportFile, supportFiles } from './contents.ts'

/** The support bundle from inside of a running agent, for the page. */
export function supportPart({ api, config, dataDir, status, signals, clock }: PartContext): Part {
  let making = false
  const make = async (): Promise<SupportFile[]> => {
    if (making) throw new AgentError('BUSY', 'A bundle is being made already; ask again.')
    making = true
    try {
      const now = status()
      const scene = {
        configFile: config.file,
        config,
        configError: undefined,
        dataDir,
        agent: 'up' as const,
        agentError: undefined,
        status: now,
        probes: realProbes,
      }
      return await supportFiles({
        configFile: config.file,
        dataDir,
        status: now,
        signals: signals(),
        findings: await diagnose(scene),
        nowMs: clock.nowUs() / 1000,
      })
    } finally {
      making = false
    }
  }
  api.add(
    operation({
      method: 'GET',
      path: '/bundle/list',
      role: 'read',
      summary: 'list what a support bundle would hold, and what was taken out of it',
      answer: async () => listOf(await make()),
    }),
    operation({
      method: 'GET',
      path: '/bundle',
      role: 'read',
      summary: 'make a support bundle: a tar.gz without secrets and positions',
      answer: async () => {
        const name = supportName(config.vehicle, clock.nowUs() / 1000)
        const bytes = await packSupport(await make(), name)
        return new Content('application/gzip', bytes, { fileName: `${name}.tar.gz` })
      },
    }),
  )
  return { name: 'support', stop: () => {} }
}
