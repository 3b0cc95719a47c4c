import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { writeDurably } from '../../models/durable.ts'
import type { RolloutEntry } from '../../models/release/entry.ts'
import type { ReleaseKind } from '../../models/release/release.ts'
import type { Repository } from '../../models/release/repository/repository.ts'
import { abortedEntry, advancedEntry } from '../../models/release/repository/rollouts.ts'
import { AgentError } from '../error.ts'
import { countStage, type Decision, decide, type StageCount, type WatchLimits } from './decide.ts'
import type { Outcomes } from './outcomes.ts'

/** Characters of a signed note. */
const MAX_NOTE_CHARS = 500

/** Since when the stage is on that this watch saw last; kept for a watch that is run now and then. */
const memorySchema = z.object({
  sha256: z.string(),
  seed: z.string(),
  stage: z.string(),
  sinceMs: z.number(),
})

export interface WatchParts {
  readonly repository: Repository
  readonly outcomes: Outcomes
  readonly kind: ReleaseKind
  readonly name: string
  readonly limits: WatchLimits
  /** Vehicles heard of within so long belong to the fleet. */
  readonly seenWithinMs: number
  /** Vehicles that belong to it whatever was heard of them. */
  readonly vehicles?: readonly string[]
  /** File that remembers since when the stage is on. */
  readonly memoryFile: string
  readonly nowMs?: () => number
}

/** What one look came to. */
export interface WatchLook {
  readonly kind: ReleaseKind
  readonly name: string
  readonly version: string
  readonly stage: string
  readonly percent: number
  readonly sinceMs: number
  readonly fleet: number
  readonly count: StageCount
  readonly decision: Decision
}

/** Leads a rollout from stage to stage, or takes it back, by what the vehicles tell on Kafka. */
export class RolloutWatch {
  readonly #parts: WatchParts
  readonly #nowMs: () => number

  constructor(parts: WatchParts) {
    this.#parts = parts
    this.#nowMs = parts.nowMs ?? Date.now
  }

  /**
   * Looks once, and acts: signs the next stage or the end of the rollout with the online keys.
   * @throws AgentError where there is no such rollout, and what reading and signing throw
   */
  async look(
    signal?: AbortSignal,
    onProgress?: (done: number, total: number) => void,
  ): Promise<WatchLook> {
    const { repository, outcomes, kind, name, limits } = this.#parts
    const entry = await this.#entry(signal)
    await outcomes.read(signal, onProgress)
    const nowMs = this.#nowMs()
    const sinceMs = await this.#since(entry, nowMs)
    const fleet = this.#fleet(nowMs)
    const count = countStage(entry, fleet, (vehicle, file) => outcomes.of(vehicle, file), {
      sinceMs,
      nowMs,
      timeoutMs: limits.timeoutMs,
    })
    const decision = decide(entry, count, limits)
    // What was decided is about this candidate in this stage: somebody else may have signed meanwhile.
    const same = (now: RolloutEntry): boolean =>
      now.candidate.sha256 === entry.candidate.sha256 && now.stage === entry.stage
    if (decision.is === 'advance' || decision.is === 'abort') {
      const next = (now: RolloutEntry): RolloutEntry => {
        if (!same(now)) return now
        return decision.is === 'advance'
          ? advancedEntry(now)
          : abortedEntry(now, decision.reason.slice(0, MAX_NOTE_CHARS))
      }
      await repository.updateRollout(kind, name, next, signal)
    }
    const { stage, percent, candidate } = entry
    const { version } = candidate
    return { kind, name, version, stage, percent, sinceMs, fleet: fleet.length, count, decision }
  }

  #fleet(nowMs: number): string[] {
    const { outcomes, seenWithinMs, vehicles = [] } = this.#parts
    const fleet = new Set(vehicles)
    for (const [vehicle, seenUs] of outcomes.lastSeenUs) {
      if (nowMs - seenUs / 1000 <= seenWithinMs) fleet.add(vehicle)
    }
    return [...fleet]
  }

  async #entry(signal: AbortSignal | undefined): Promise<RolloutEntry> {
    const { repository, kind, name } = this.#parts
    const all = await repository.rollouts(signal)
    const found = all.find((one) => one.kind === kind && one.name === name)
    if (found) return found.entry
    const there = all.map((one) => `${one.kind} ${one.name}`).join(', ')
    throw new AgentError('USAGE', `There is no rollout of ${kind} ${name}.`, {
      hint: there ? `There are: ${there}.` : 'Start one: "milepost release rollout --help".',
    })
  }

  /** Since when the stage is on: as was written down, else since now. */
  async #since({ candidate, seed, stage }: RolloutEntry, nowMs: number): Promise<number> {
    const { memoryFile } = this.#parts
    const is = { sha256: candidate.sha256, seed, stage }
    try {
      const memory = memorySchema.parse(JSON.parse(await readFile(memoryFile, 'utf8')))
      const same = memory.sha256 === is.sha256 && memory.seed === seed && memory.stage === stage
      if (same && memory.sinceMs <= nowMs) return memory.sinceMs
    } catch {
      // Not there, or cut short: the stage begins to be watched now.
    }
    writeDurably(memoryFile, `${JSON.stringify({ ...is, sinceMs: nowMs })}\n`)
    return nowMs
  }
}
