import { existsSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeFolder, writeDurably } from '../../models/durable.ts'
import { ModelError } from '../../models/errors.ts'
import { packState, readState, type Saved, unpackState } from '../../models/saved.ts'
import type { HistoryRange } from '../../sync/kafka/history.ts'
import { AgentError } from '../error.ts'

/** What makes a training the same one: a checkpoint of another is not gone on from. */
export interface TrainingIdentity {
  readonly topic: string
  /** The range as it was asked for; what it came to is in the checkpoint. */
  readonly from: string
  readonly to: string
  readonly recipe: string
  readonly codeVersion: string
}

/** Epochs are kept no more often than this: a kill costs about so much work. */
const SAVE_EVERY_MS = 5_000
const ROWS_FILE = 'rows'
const EPOCH_FILE = 'epoch'

/**
 * What a training has done so far, in a folder beside its bundle: the rows after each partition, the
 * network after some epochs. A run that was killed goes on from it and comes to the same bundle.
 */
export class TrainingCheckpoint {
  /** Why an earlier state was not gone on from, if there was one. */
  refused: string | undefined
  /** Of an earlier run: ranges, partitions done, and what was collected. */
  readonly rows: Saved | undefined
  readonly epoch: Saved | undefined
  readonly #dir: string
  readonly #identity: TrainingIdentity
  #savedMs = performance.now()

  constructor(out: string, identity: TrainingIdentity) {
    this.#dir = `${resolve(out)}.checkpoint`
    this.#identity = identity
    this.rows = this.#read(ROWS_FILE)
    this.epoch = this.rows && this.#read(EPOCH_FILE)
    if (!this.rows) this.remove()
  }

  /** Where it is kept. */
  get dir(): string {
    return this.#dir
  }

  saveRows(ranges: readonly HistoryRange[], more: Record<string, unknown>, rows: Saved): void {
    const meta = { ...this.#about(), ranges, ...more, rows: rows.meta }
    this.#write(ROWS_FILE, { meta, arrays: rows.arrays })
  }

  async saveEpoch(state: () => Promise<Saved>): Promise<void> {
    if (performance.now() - this.#savedMs < SAVE_EVERY_MS) return
    const { meta, arrays } = await state()
    this.#write(EPOCH_FILE, { meta: { ...this.#about(), ...meta }, arrays })
    this.#savedMs = performance.now()
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #about(): { identity: TrainingIdentity } {
    return { identity: this.#identity }
  }

  #write(name: string, state: Saved): void {
    try {
      makeFolder(this.#dir)
      writeDurably(join(this.#dir, name), packState(state))
    } catch (cause) {
      throw new AgentError('TRAINING_CHECKPOINT', `cannot write ${join(this.#dir, name)}`, {
        cause,
        hint: 'Give --out a folder on a disk with room; the checkpoint lies beside it.',
      })
    }
  }

  #read(name: string): Saved | undefined {
    const path = join(this.#dir, name)
    if (!existsSync(path)) return undefined
    try {
      const saved = unpackState(readState(path)!)
      const known = JSON.stringify(saved.meta.identity)
      if (known === JSON.stringify(this.#identity)) return saved
      this.refused ??= 'it is of another topic, range, recipe or version'
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      this.refused ??= error.message
    }
    return undefined
  }
}
