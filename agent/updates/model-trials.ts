import type { Bundle } from '../../models/bundle/load.ts'
import { ModelError } from '../../models/errors.ts'
import type { Release, ReleasePlan } from '../../models/release/release.ts'
import type { TrialLimits } from '../../models/trial/limits.ts'
import { Trial } from '../../models/trial/trial.ts'
import type { Clock } from '../../sensors/sensor.ts'
import { complaintOf } from '../error.ts'
import type { ModelSlot } from '../models/model-slot.ts'
import { about, type Tell, type UpdateStep } from './steps.ts'

/** How often a trial is looked at. */
const JUDGE_MS = 1_000

type About = Omit<UpdateStep, 'phase' | 'timeUs'>

/** Bundles on their way into the slots: installed, loaded beside, on trial, kept or taken back. */
export class ModelTrials {
  readonly #slots: ReadonlyMap<string, ModelSlot>
  readonly #limits: TrialLimits
  readonly #clock: Clock
  readonly #tell: Tell
  readonly #about = new Map<string, About>()
  readonly #timer: NodeJS.Timeout
  #stopped = false

  constructor(parts: {
    slots: readonly ModelSlot[]
    limits: TrialLimits
    clock: Clock
    tell: Tell
  }) {
    this.#slots = new Map(parts.slots.map((slot) => [slot.slot, slot]))
    this.#limits = parts.limits
    this.#clock = parts.clock
    this.#tell = parts.tell
    this.#timer = setInterval(() => this.judge(), JUDGE_MS)
  }

  /** What there is to do about a release: nothing, or why not, or to fetch it. */
  wanted({ name, sha256 }: Release): 'has' | 'barred' | 'no such slot' | 'fetch' {
    const store = this.#slots.get(name)?.store
    if (!store) return 'no such slot'
    const { current, attempt } = store.state
    if (attempt) return attempt.file === sha256 ? 'has' : 'fetch'
    if (current?.file === sha256) return 'has'
    return store.barredFor(sha256) === undefined ? 'fetch' : 'barred'
  }

  /**
   * Brings a fetched bundle to its trial. Resolves once it has taken over or was refused.
   * @param file the release's file, its bytes verified
   */
  async tryOut(release: Release, file: string): Promise<void> {
    const slot = this.#slots.get(release.name)
    const store = slot?.store
    if (!slot || !store || this.#stopped) return
    const what = about(release)
    let bundle: Bundle
    try {
      bundle = await store.install(file)
      if (this.#stopped) return
      const barred = store.barredFor(bundle.hash)
      if (barred) {
        store.refuse(release.sha256, barred)
        return this.#tell({ ...what, phase: 'refused', hash: bundle.hash, reason: barred })
      }
      if (store.state.attempt) this.withdraw(release.name, 'another release took its place')
      store.begin({ hash: bundle.hash, release: release.path, file: release.sha256 })
    } catch (error) {
      const { code, message } = complaintOf(error)
      const refused = error instanceof ModelError
      if (refused) store.refuse(release.sha256, message)
      return this.#tell({ ...what, phase: refused ? 'refused' : 'failed', code, reason: message })
    }
    await this.#attempt(slot, bundle, { ...what, hash: bundle.hash })
  }

  /** Takes up again what was on trial when the agent stopped. */
  async resume(): Promise<void> {
    for (const slot of this.#slots.values()) {
      const attempt = slot.store?.state.attempt
      if (!attempt || !slot.store) continue
      const { hash, release, file } = attempt
      const what: About = { hash, release, file, kind: 'bundle', name: slot.slot }
      try {
        const bundle = slot.store.read(hash)
        slot.store.begin({ hash, release, file })
        await this.#attempt(slot, bundle, what)
      } catch (error) {
        const { code, message } = complaintOf(error)
        slot.store.giveUp()
        this.#tell({ ...what, phase: 'failed', code, reason: message })
      }
    }
  }

  /** Ends a trial because what is released is another one now; nothing is held against the bundle. */
  withdraw(name: string, reason: string): void {
    const slot = this.#slots.get(name)
    const attempt = slot?.store?.state.attempt
    if (!slot || !attempt) return
    const { hash, release, file } = attempt
    slot.goBack()
    slot.store?.giveUp()
    const what = this.#about.get(name) ?? { hash, release, file, kind: 'bundle', name }
    this.#tell({ ...what, phase: 'back', code: 'WITHDRAWN', reason })
  }

  /** Ends trials of what the repository lists no more: a first release that was taken back. */
  unlisted({ releases, refused }: ReleasePlan): void {
    for (const name of this.#slots.keys()) {
      const listed = releases.some((one) => one.kind === 'bundle' && one.name === name)
      const entry = `rollout/bundle/${name}`
      if (listed || refused.some((one) => one.entry === entry)) continue
      this.withdraw(name, 'it is released no more')
    }
  }

  /** Looks at every trial that is on. */
  judge(): void {
    for (const slot of this.#slots.values()) {
      const verdict = slot.trial?.judge()
      if (!slot.store || !verdict || verdict.is === 'going') continue
      const what = this.#about.get(slot.slot) ?? {}
      if (verdict.is === 'good') {
        try {
          slot.store.good()
        } catch {
          // The disk does not take it now: it stays on trial and is asked again.
          continue
        }
        slot.settle()
        this.#tell({ ...what, phase: 'good' })
      } else {
        slot.goBack()
        slot.store.back(verdict.reason)
        this.#tell({ ...what, phase: 'back', code: verdict.cause, reason: verdict.reason })
      }
    }
  }

  /** A clean stop: trials go on with the next start. */
  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
    for (const { store, trial } of this.#slots.values()) {
      if (store?.state.attempt?.running) store.pause(trial?.shown ?? { rows: 0, ms: 0 })
    }
  }

  async #attempt(slot: ModelSlot, bundle: Bundle, what: About): Promise<void> {
    this.#about.set(slot.slot, what)
    this.#tell({ ...what, phase: 'attempt' })
    try {
      const model = await slot.openBeside(bundle, what.release)
      if (this.#stopped) return model.close()
      const machine = {
        monoUs: () => this.#clock.monoUs(),
        memoryBytes: () => process.memoryUsage.rss(),
      }
      const trial = new Trial(bundle, model.open, this.#limits, machine, slot.store?.state.attempt)
      if (await slot.swapIn(model, trial, () => this.judge()))
        this.#tell({ ...what, phase: 'trial' })
    } catch (error) {
      const { code, message } = complaintOf(error)
      // Nothing is held against a bundle without rows: what it waits for may speak another day.
      const rowless = code === 'NO_ROWS'
      if (rowless) slot.store?.giveUp()
      else slot.store?.back(message)
      this.#tell({ ...what, phase: rowless ? 'failed' : 'back', code, reason: message })
    }
  }
}
