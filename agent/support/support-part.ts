import { Content } from '../api/content.ts'
import { operation } from '../api/operation.ts'
import { AgentError } from '../error.ts'
import type { Part, PartContext } from '../part.ts'
import type { SupportFile } from './contents.ts'

/** The support bundle from inside of a running agent, for the page. */
export function supportPart(context: PartContext): Part {
  const { api, config, dataDir, status, signals, clock } = context
  let making = false
  const make = async (): Promise<SupportFile[]> => {
    if (making) throw new AgentError('BUSY', 'A bundle is being made already; ask again.')
    making = true
    try {
      // Loaded when somebody asks: most days nobody does.
      const { diagnoseInside } = await import('../doctor/from-inside.ts')
      const { supportFiles } = await import('./contents.ts')
      return await supportFiles({
        configFile: config.file,
        dataDir,
        status: status(),
        signals: signals(),
        findings: await diagnoseInside(context),
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
      answer: async () => (await import('./archive.ts')).listOf(await make()),
    }),
    operation({
      method: 'GET',
      path: '/bundle',
      role: 'read',
      summary: 'make a support bundle: a tar.gz without secrets and positions',
      answer: async () => {
        const { packSupport, supportName } = await import('./archive.ts')
        const name = supportName(config.vehicle, clock.nowUs() / 1000)
        const bytes = await packSupport(await make(), name)
        return new Content('application/gzip', bytes, { fileName: `${name}.tar.gz` })
      },
    }),
  )
  return { name: 'support', stop: () => {} }
}
