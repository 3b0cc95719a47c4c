import { Content } from '../api/content.ts'
import { operation } from '../api/operation.ts'
import type { Part, PartContext } from '../part.ts'

/** Metrics for Prometheus; the library is loaded when somebody asks for them. */
export function metricsPart({ api, status }: PartContext): Part {
  api.add(
    operation({
      method: 'GET',
      path: '/metrics',
      role: 'read',
      summary: 'tell every metric in the text format of Prometheus',
      answer: async () => {
        const { exposition } = await import('./exposition.ts')
        const { type, text } = await exposition(status())
        return new Content(type, text)
      },
    }),
  )
  return { name: 'metrics', stop: () => {} }
}
