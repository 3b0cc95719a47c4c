import { schedule } from 'node-cron'

/**
 * Calls when a cron expression says so, each time after a random part of `jitterMs`, so that a fleet
 * does not come at one instant. Answers what ends it.
 */
export function onCron(cron: string, jitterMs: number, call: () => void): () => void {
  const waiting = new Set<NodeJS.Timeout>()
  const task = schedule(cron, () => {
    const timer = setTimeout(() => {
      waiting.delete(timer)
      call()
    }, Math.random() * jitterMs)
    waiting.add(timer)
  })
  return () => {
    void task.destroy()
    for (const timer of waiting) clearTimeout(timer)
  }
}
