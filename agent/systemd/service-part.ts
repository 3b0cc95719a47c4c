import { jsonContent } from '../api/content.ts'
import { operation } from '../api/operation.ts'
import type { Part, PartContext } from '../part.ts'
import { type HealthReport, Progress } from '../watch/progress.ts'
import { type Notifier, notifier, watchdogMs } from './notify.ts'

/** How long a thread may stand still where systemd does not say. */
const DEFAULT_LIMIT_MS = 30_000
const MIN_LOOK_MS = 250
const MAX_LOOK_MS = 1_000

/** Loads what it needs only where systemd listens: its status costs no memory elsewhere. */
export function servicePart({ api, status, clock, log }: PartContext): Part {
  const watchdog = watchdogMs()
  // Half of the time is for standing still, so that systemd acts within the other half.
  const progress = new Progress(watchdog === undefined ? DEFAULT_LIMIT_MS : watchdog / 2)
  const systemd: Notifier | undefined = notifier()
  let report: HealthReport = { healthy: true, stuck: [] }
  let started = false
  const look = (): void => {
    const before = report
    report = progress.judge(status(), clock.monoUs())
    const why = report.stuck.join('; ')
    if (report.healthy !== before.healthy) {
      if (report.healthy) log.info('every thread makes progress again')
      else log.error({ stuck: report.stuck }, `no progress: ${why}; the watchdog is not fed`)
      systemd?.send(`STATUS=${report.healthy ? 'running' : why}`)
    }
    if (report.healthy && started && watchdog !== undefined) systemd?.send('WATCHDOG=1')
  }
  const everyMs = Math.min(MAX_LOOK_MS, Math.max(MIN_LOOK_MS, (watchdog ?? DEFAULT_LIMIT_MS) / 4))
  const timer = setInterval(look, everyMs)
  api.add(
    operation({
      method: 'GET',
      path: '/healthz',
      role: 'read',
      summary: 'say whether every thread makes progress: status 200, or 503 and what stands still',
      answer: () => jsonContent(report.healthy ? 200 : 503, report),
    }),
    operation({
      method: 'GET',
      path: '/readyz',
      role: 'read',
      summary: 'say whether the agent is at work: sensors started, records kept; 200 or 503',
      answer: () => {
        const state = status().sync?.outbox.state
        const ready = started && report.healthy && state === 'ok'
        return jsonContent(ready ? 200 : 503, { ready, started, outbox: state, ...report })
      },
    }),
  )
  return {
    name: 'progress',
    status: () => report,
    started: () => {
      started = true
      systemd?.send('READY=1', 'STATUS=running')
    },
    stop: () => {
      clearInterval(timer)
      systemd?.send('STOPPING=1')
    },
  }
}
