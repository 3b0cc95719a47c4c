import { Counter, Gauge, Registry } from 'prom-client'
import type { AgentStatus } from '../status.ts'
import { METRICS } from './metrics.ts'

/** The text that Prometheus reads, and its media type. */
export async function exposition(status: AgentStatus): Promise<{ type: string; text: string }> {
  const registry = new Registry()
  for (const { name, type, help, labels, samples } of METRICS) {
    const options = { name, help, labelNames: [...labels], registers: [registry] }
    const found = samples(status)
    if (type === 'counter') {
      const metric = new Counter(options)
      for (const { labels: of = {}, value } of found) metric.inc(of, Math.max(0, value))
    } else {
      const metric = new Gauge(options)
      for (const { labels: of = {}, value } of found) metric.set(of, value)
    }
  }
  return { type: registry.contentType, text: await registry.metrics() }
}
