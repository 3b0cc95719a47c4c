import type { Release, ReleaseClient, ReleasePlan } from '../../models/release/release.ts'
import { type Complaint, complaintOf } from '../error.ts'
import type { HeldReleases } from './held-releases.ts'
import type { ModelTrials } from './model-trials.ts'
import { about, type Tell } from './steps.ts'

/** What made the vehicle look for updates. */
export type Why = 'start' | 'cron' | 'mqtt' | 'usb' | 'hand'

/** Codes of a repository that must not be believed; what only could not be reached comes again. */
const DISTRUSTED = new Set([
  'RELEASE_ROOT',
  'RELEASE_EXPIRED',
  'RELEASE_ROLLBACK',
  'RELEASE_METADATA',
  'RELEASE_TOO_LONG',
])

/** Things told once and not at every look; what is beyond is told again. */
const MAX_TOLD = 512

/** What a look at a repository came to. */
export interface Look {
  readonly why: Why
  readonly from: string
  readonly beganUs: number
  readonly endedUs?: number
  readonly releases?: number
  readonly error?: Complaint
}

/** What `status` says of updates. */
export interface UpdaterStatus {
  readonly state: 'idle' | 'looking' | 'downloading'
  readonly from: string | undefined
  readonly looks: number
  readonly failedLooks: number
  readonly lastLook: Look | undefined
  readonly lastGoodUs: number | undefined
  readonly versions: ReleasePlan['versions'] | undefined
  readonly download?: { readonly release: string; readonly bytes: number; readonly length: number }
}

export interface UpdaterParts {
  /** Opens the client's side of a repository; `close` lets go of its connections. */
  open(from: string): Promise<{ client: ReleaseClient; close(): Promise<void> }>
  readonly from: string | undefined
  readonly models: ModelTrials
  readonly held: HeldReleases
  readonly nowUs: () => number
  readonly tell: Tell
}

/**
 * Looks at a repository, fetches what this vehicle shall have and hands it on. One look at a time;
 * whatever goes wrong is told and what runs goes on.
 */
export class Updater {
  readonly #parts: UpdaterParts
  readonly #stop = new AbortController()
  readonly #told = new Map<string, string>()
  #turn: Promise<unknown> = Promise.resolve()
  readonly #asked = new Map<string, Promise<Look>>()
  #state: UpdaterStatus['state'] = 'idle'
  #looks = 0
  #failedLooks = 0
  #last: Look | undefined
  #lastGoodUs: number | undefined
  #versions: ReleasePlan['versions'] | undefined
  #download: UpdaterStatus['download']

  constructor(parts: UpdaterParts) {
    this.#parts = parts
  }

  /** Takes up what was on trial when the agent stopped; looks wait for it. */
  resume(): void {
    this.#turn = this.#turn.then(() => this.#parts.models.resume())
  }

  /**
   * Looks at a repository, after those that were asked for before. A second wish for the same one,
   * while the first still waits, is the same look. Never rejects.
   */
  look(why: Why, from: string): Promise<Look> {
    const waiting = this.#asked.get(from)
    if (waiting) return waiting
    const look = this.#turn.then(() => {
      this.#asked.delete(from)
      return this.#look(why, from)
    })
    this.#asked.set(from, look)
    this.#turn = look
    return look
  }

  status(): UpdaterStatus {
    return {
      state: this.#state,
      from: this.#parts.from,
      looks: this.#looks,
      failedLooks: this.#failedLooks,
      lastLook: this.#last,
      lastGoodUs: this.#lastGoodUs,
      versions: this.#versions,
      ...(this.#download ? { download: this.#download } : {}),
    }
  }

  /** Breaks off what is under way, and settles when it has ended. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#parts.models.stop()
    await this.#turn.catch(() => {})
  }

  async #look(why: Why, from: string): Promise<Look> {
    const beganUs = this.#parts.nowUs()
    const look = { why, from, beganUs }
    if (this.#stop.signal.aborted) return look
    this.#looks++
    this.#state = 'looking'
    this.#last = look
    try {
      const releases = await this.#follow(from)
      this.#lastGoodUs = this.#parts.nowUs()
      this.#told.delete('check')
      this.#last = { ...look, endedUs: this.#lastGoodUs, releases }
    } catch (error) {
      const complaint = complaintOf(error)
      const { code, message: reason } = complaint
      this.#last = { ...look, endedUs: this.#parts.nowUs(), error: complaint }
      if (!this.#stop.signal.aborted) {
        this.#failedLooks++
        if (DISTRUSTED.has(code)) this.#once('check', { phase: 'check', code, reason, from })
      }
    } finally {
      this.#state = 'idle'
      this.#download = undefined
    }
    return this.#last
  }

  async #follow(from: string): Promise<number> {
    const { open, models, held } = this.#parts
    const { signal } = this.#stop
    const { client, close } = await open(from)
    try {
      const plan = await client.refresh(signal)
      this.#versions = plan.versions
      for (const { entry, error } of plan.refused) {
        const { code, message: reason } = error
        this.#once(entry, { phase: 'refused', release: entry, code, reason, from })
      }
      models.unlisted(plan)
      let failed: unknown
      for (const release of plan.releases) {
        try {
          await this.#bring(client, release, from)
        } catch (error) {
          if (signal.aborted) throw error
          failed ??= error
        }
      }
      const wanted = plan.releases.map(({ sha256 }) => sha256)
      await client.keepOnly([...wanted, ...held.files()])
      if (failed) throw failed
      return plan.releases.length
    } finally {
      await close()
    }
  }

  /** One release: nothing to do, a reason why not, or fetched and handed on. */
  async #bring(client: ReleaseClient, release: Release, from: string): Promise<void> {
    const { models, held } = this.#parts
    const { signal } = this.#stop
    const what = about(release)
    const place = release.kind === 'bundle' ? models : held
    const wanted = place.wanted(release)
    const key = `${release.kind}/${release.name}`
    if (wanted === 'no such slot') {
      const reason = `this vehicle has no ${release.kind === 'bundle' ? 'model' : release.kind} called ${release.name}`
      return this.#once(key, { ...what, phase: 'skipped', code: 'NO_SLOT', reason, from })
    }
    if (wanted === 'barred') {
      const reason = 'it failed on this vehicle before'
      return this.#once(key, { ...what, phase: 'refused', code: 'BARRED', reason, from })
    }
    if (wanted === 'has') return
    this.#once(key, { ...what, phase: 'download', from })
    this.#state = 'downloading'
    try {
      const file = await client.download(release, signal, ({ bytes, length }) => {
        this.#download = { release: release.path, bytes, length }
      })
      this.#state = 'looking'
      this.#download = undefined
      this.#told.delete(key)
      await place.tryOut(release, file)
    } catch (error) {
      const { code, message: reason } = complaintOf(error)
      if (!signal.aborted) {
        this.#once(`${key} failed`, { ...what, phase: 'failed', code, reason, from })
      }
      throw error
    } finally {
      this.#state = 'looking'
      this.#download = undefined
    }
  }

  /** Tells what is new: the same thing at every look would fill the lane. */
  #once(key: string, step: Parameters<Tell>[0]): void {
    const text = JSON.stringify([step.phase, step.file, step.code, step.reason, step.stage])
    if (this.#told.get(key) === text) return
    if (this.#told.size >= MAX_TOLD) this.#told.clear()
    this.#told.set(key, text)
    this.#parts.tell(step)
  }
}
