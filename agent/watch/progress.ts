import type { AgentStatus } from '../status.ts'

/** What the part `progress` says of itself in a status, and `/healthz` answers. */
export interface HealthReport {
  readonly healthy: boolean
  /** What makes no progress, in words. */
  readonly stuck: readonly string[]
}

/** Something that has to change now and then, and when it last did. */
interface Mark {
  value: string
  monoUs: number
}

/** Frames that an interface counted and nobody read, before its reader counts as stuck. */
const MIN_UNREAD = 100

/**
 * Judges by what was done, not by whether a timer still runs: the storing thread tells of itself and
 * commits what waits, frames that an interface has are read. What a state of its own explains (a full
 * disk, a sensor that is being retried) is no lack of progress.
 */
export class Progress {
  readonly #limitUs: number
  readonly #marks = new Map<string, Mark>()
  readonly #unread = new Map<string, { rx: number; frames: number }>()

  /** @param limitMs how long something may stand still */
  constructor(limitMs: number) {
    this.#limitUs = limitMs * 1000
  }

  /** To be called every second or so, with a time that never jumps. */
  judge(status: AgentStatus, monoUs: number): HealthReport {
    const stuck = [...this.#sync(status, monoUs), ...this.#sensors(status, monoUs)]
    return { healthy: stuck.length === 0, stuck }
  }

  #sync({ sync }: AgentStatus, monoUs: number): string[] {
    if (!sync) return []
    const { outbox, lanes, timeUs } = sync
    const silent = this.#still('sync', String(timeUs), monoUs)
    if (silent) return [`the storing thread has said nothing for ${silent} s`]
    // A disk that takes nothing is told as what it is; restarting would not mend it.
    if (outbox.state !== 'ok' || outbox.queuedRecords === 0) {
      this.#marks.delete('commit')
      return []
    }
    const committed = Object.values(lanes).map(({ lastSeq }) => lastSeq)
    const waiting = this.#still('commit', `${committed} ${outbox.writtenBytes}`, monoUs)
    return waiting ? [`${outbox.queuedRecords} records have waited ${waiting} s for a commit`] : []
  }

  #sensors({ sensors }: AgentStatus, monoUs: number): string[] {
    return sensors.flatMap(({ id, state, frames, opens, device }) => {
      const rx = Number(device?.rxFrames ?? Number.NaN)
      const key = `sensor ${id}`
      if (state !== 'live' || Number.isNaN(rx)) {
        this.#unread.delete(id)
        this.#marks.delete(key)
        return []
      }
      const still = this.#still(key, `${frames} ${opens}`, monoUs)
      const before = this.#unread.get(id)
      if (!before || before.frames !== frames) this.#unread.set(id, { rx, frames })
      const unread = before && before.frames === frames ? rx - before.rx : 0
      return still && unread >= MIN_UNREAD
        ? [`sensor ${id} has left ${unread} frames unread for ${still} s`]
        : []
    })
  }

  /** For how many seconds a value has not changed, where that is too long; else undefined. */
  #still(key: string, value: string, monoUs: number): number | undefined {
    const mark = this.#marks.get(key)
    if (!mark || mark.value !== value) {
      this.#marks.set(key, { value, monoUs })
      return undefined
    }
    const stillUs = monoUs - mark.monoUs
    return stillUs > this.#limitUs ? Math.round(stillUs / 1e6) : undefined
  }
}
