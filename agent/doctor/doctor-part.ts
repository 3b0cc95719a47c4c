import { operation } from '../api/operation.ts'
import { AgentError } from '../error.ts'
import type { Part, PartContext } from '../part.ts'
import { diagnose } from './diagnose.ts'
import { realProbes } from './probes.ts'

/** The doctor from inside of a running agent, for the page. */
export function doctorPart({ api, config, dataDir, status }: PartContext): Part {
  let asking = false
  api.add(
    operation({
      method: 'GET',
      path: '/doctor',
      role: 'read',
      summary: 'check everything: each finding with what mends it, the most important first',
      answer: async () => {
        if (asking) throw new AgentError('BUSY', 'The doctor is at work already; ask again.')
        asking = true
        try {
          return await diagnose({
            configFile: config.file,
            config,
            configError: undefined,
            dataDir,
            agent: 'up',
            agentError: undefined,
            status: status(),
            probes: realProbes,
          })
        } finally {
          asking = false
        }
      },
    }),
  )
  return { name: 'doctor', stop: () => {} }
}
