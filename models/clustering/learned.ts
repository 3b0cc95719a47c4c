import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writeDurably, writeDurablyLater } from '../durable.ts'
import { ModelError } from '../errors.ts'
import { packState, readState, unpackState } from '../saved.ts'
import type { Clusters } from './clusters.ts'

/** What was learned is saved this often: so much of it a kill can cost. */
export const SAVE_LEARNED_MS = 60_000
/** States of bundles kept in one folder; beyond it the oldest go. */
const MAX_LEARNED_FILES = 8

const ENDING = '.learned'

/**
 * Keeps what the clusters of one bundle have learned in a file of the vehicle, so that it outlives a
 * restart and a kill. A file that is torn or of another bundle is left out with its reason, counted, and
 * learning begins anew from the bundle.
 */
export class Learned {
  /** Why the file that was there is not gone on from. */
  refused: string | undefined
  /** Savings that failed, and why the last one did; learning goes on in memory. */
  failed = 0
  lastFailure: string | undefined
  readonly #clusters: Clusters
  readonly #hash: string
  readonly #path: string
  readonly #nowUs: () => number
  #savedUs: number
  #saved: number
  #underWay: Promise<void> | undefined

  /**
   * @param nowUs a clock that never jumps
   */
  constructor(clusters: Clusters, bundleHash: string, dir: string, nowUs: () => number) {
    this.#clusters = clusters
    this.#hash = bundleHash
    this.#path = join(dir, `${bundleHash}${ENDING}`)
    this.#nowUs = nowUs
    this.#savedUs = nowUs()
    try {
      mkdirSync(dir, { recursive: true })
      const bytes = readState(this.#path)
      if (bytes) clusters.restore(unpackState(bytes), bundleHash)
      else removeOldest(dir)
    } catch (error) {
      this.refused = (error as Error).message
      if (!(error instanceof ModelError)) this.failed++
    }
    this.#saved = clusters.learned
  }

  /** To be called as rows come: saves in the background where it is time. */
  tick(): void {
    if (this.#underWay || this.#clusters.learned === this.#saved) return
    if (this.#nowUs() - this.#savedUs < SAVE_LEARNED_MS * 1000) return
    this.#savedUs = this.#nowUs()
    this.#saved = this.#clusters.learned
    // Copied here, so that rows that come meanwhile do not tear it.
    const bytes = packState(this.#clusters.save(this.#hash))
    this.#underWay = writeDurablyLater(this.#path, bytes)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#underWay = undefined
      })
  }

  /** Saves what is not saved yet; the scorer may be let go after it. */
  close(): void {
    if (this.#clusters.learned === this.#saved) return
    try {
      writeDurably(this.#path, packState(this.#clusters.save(this.#hash)))
      this.#saved = this.#clusters.learned
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.failed++
    this.lastFailure = (error as Error).message
  }
}

function removeOldest(dir: string): void {
  const files = readdirSync(dir)
    .filter((name) => name.endsWith(ENDING))
    .map((name) => ({ path: join(dir, name), atMs: statSync(join(dir, name)).mtimeMs }))
    .sort((a, b) => b.atMs - a.atMs)
  for (const { path } of files.slice(MAX_LEARNED_FILES - 1)) rmSync(path, { force: true })
}
