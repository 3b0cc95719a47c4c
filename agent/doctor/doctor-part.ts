import { operation } from '../api/operation.ts'
import { AgentError } from '../error.ts'
import type { Part, PartContext } from '../part.ts'

/** The doctor from inside of a running agent, for the page. */
export function doctorPart(context: PartContext): Part {
  let asking = false
  context.api.add(
    operation({
      method: 'GET',
      path: '/doctor',
      role: 'read',
      summary: 'check everything: each finding with what mends it, the most important first',
      answer: async () => {
        if (asking) throw new AgentError('BUSY', 'The doctor is at work already; ask again.')
        asking = true
        try {
          // Loaded when somebody asks: most days nobody does.
          const { diagnoseInside } = await import('./from-inside.ts')
          return await diagnoseInside(context)
        } finally {
          asking = false
        }
      },
    }),
  )
  return { name: 'doctor', stop: () => {} }
}
