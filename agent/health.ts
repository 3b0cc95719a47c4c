import { schedule } from 'node-cron'
import type { Logger } from './log.ts'
import type { Part, PartContext } from './part.ts'
import type { AgentStatus } from './status.ts'

export function healthPart({ config, clock, log, keep, status }: PartContext): Part | undefined {
  if (!config.health) return undefined
  const health = new Health(config.health.cron, log, () => {
    keep('events', 'milepost.health.v1', clock.nowUs(), healthOf(status()))
  })
  return { name: 'health', stop: () => health.stop() }
}

/** A record now and then that says how the vehicle is, for those who look at the fleet from afar. */
class Health {
  readonly #task: ReturnType<typeof schedule>

  /** @param cron when to tell, as node-cron understands it: five fields, or six with seconds first */
  constructor(cron: string, log: Logger, tell: () => void) {
    this.#task = schedule(cron, () => {
      try {
        tell()
      } catch (error) {
        log.warn({ err: error }, 'no health record could be made')
      }
    })
  }

  stop(): void {
    void this.#task.destroy()
  }
}

/** The few lines of a status that a fleet is watched by. */
function healthOf(status: AgentStatus): Record<string, unknown> {
  const { sensors, models, sync, startedUs, nowUs, version, clock, memoryBytes } = status
  return {
    timeUs: nowUs,
    version,
    upUs: nowUs - startedUs,
    clock,
    memoryBytes,
    sensors: sensors.map(({ id, state, frames, readings, dropped, lastDataUs }) => ({
      id,
      state,
      frames,
      readings,
      dropped,
      lastDataUs,
    })),
    models: models.map(({ name, hash, anomalies, inferences }) => ({
      name,
      hash,
      anomalies,
      inferences,
    })),
    lanes: sync?.lanes,
    outbox: sync && { state: sync.outbox.state, fileBytes: sync.outbox.fileBytes },
    uplink: sync && { state: sync.uplink.state, sentRecords: sync.uplink.sentRecords },
  }
}
