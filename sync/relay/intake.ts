import { Backoff } from '../backoff.ts'
import type { MqttConnection } from '../mqtt/connection.ts'
import { MqttLink } from '../mqtt/link.ts'
import type { Publish } from '../mqtt/publish.ts'
import { DEFAULT_PREFIX, filtersOf, PROPERTIES_BYTES } from '../mqtt/wire.ts'
import { type Complaint, complaintOf } from '../status.ts'
import { Group } from './group.ts'
import { Held } from './held.ts'
import { keepShares } from './keep.ts'
import type { IntakeLimits } from './limits.ts'
import { type Counting, type IntakeCounts, type IntakeState, NO_COUNTS } from './status.ts'
import type { RelayStore } from './store.ts'

const MIN_RETRY_MS = 250
const MAX_RETRY_MS = 15_000
const STORE_STATES: Readonly<Record<string, IntakeState>> = {
  OUTBOX_FULL: 'full',
  OUTBOX_READONLY: 'read-only',
  OUTBOX_LOCKED: 'locked',
  OUTBOX_CORRUPT: 'corrupt',
}

export interface IntakeOptions {
  readonly broker: MqttConnection
  /** Names the session that the broker keeps for us. */
  readonly clientId: string
  readonly store: RelayStore
  readonly limits: IntakeLimits
  /** Told when something new was kept. */
  readonly kept: () => void
}

/**
 * Takes records from the broker into the store: many in one transaction, which also moves their
 * senders' positions; acknowledges them after it, and tells the senders how far they got. What it
 * cannot keep it does not acknowledge, so it stays where it is.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #prefix: string
  readonly #counts: Counting = { ...NO_COUNTS }
  readonly #backoff = new Backoff(MIN_RETRY_MS, MAX_RETRY_MS)
  readonly #storeBackoff = new Backoff(MIN_RETRY_MS, MAX_RETRY_MS)
  #link: MqttLink | undefined
  readonly #held = new Held()
  #commitTimer: NodeJS.Timeout | undefined
  #retryTimer: NodeJS.Timeout | undefined
  #stuck = false
  /** Messages of the next commit at most. */
  #most: number
  #closed = false
  state: IntakeState = 'off'
  sinceUs = Date.now() * 1000
  lastError: Complaint | undefined

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#prefix = options.broker.prefix ?? DEFAULT_PREFIX
    this.#most = options.limits.maxGroupRecords
  }

  get counts(): IntakeCounts {
    return { ...this.#counts }
  }

  start(): void {
    void this.#connect()
  }

  /** Commits what is held and lets go of the broker; bounded in time. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retryTimer)
    clearTimeout(this.#commitTimer)
    if (this.#held.length > 0 && !this.#stuck) this.#commit()
    clearTimeout(this.#commitTimer)
    await this.#link?.close()
    this.#enter('off')
  }

  async #connect(): Promise<void> {
    const { broker, clientId, limits } = this.#options
    this.#enter('connecting')
    try {
      const link = await MqttLink.connect(
        {
          ...broker,
          clientId,
          filters: filtersOf(this.#prefix),
          sessionExpirySec: limits.sessionExpirySec,
          receiveMaximum: limits.receiveMaximum,
          maxPacketBytes: limits.maxRecordBytes + PROPERTIES_BYTES,
        },
        { publish: (message) => this.#take(message), lost: (error) => this.#lost(error) },
      )
      if (this.#closed) {
        await link.close()
        return
      }
      this.#link = link
      this.#backoff.reset()
      this.lastError = undefined
      this.#enter('live')
    } catch (error) {
      this.#lost(error)
    }
  }

  #lost(error: unknown): void {
    this.#link = undefined
    // The broker sends them again: their numbers mean nothing on the next connection.
    this.#held.clear()
    this.#stuck = false
    clearTimeout(this.#commitTimer)
    this.#commitTimer = undefined
    this.lastError = complaintOf(error)
    if (this.#closed) return
    this.#enter('offline')
    this.#retryTimer = setTimeout(() => void this.#connect(), this.#backoff.nextMs())
  }

  #take(message: Publish): void {
    const { groupCommitMs, maxGroupRecords, maxHeldBytes } = this.#options.limits
    this.#counts.messages++
    this.#held.add(message)
    if (this.#held.bytes > maxHeldBytes) this.#link?.pause()
    if (this.#stuck) return
    // Messages of the subscription's first moments may come before the link is known.
    if (this.#held.length >= maxGroupRecords && this.#link) this.#commit()
    else this.#commitTimer ??= setTimeout(() => this.#commit(), groupCommitMs)
  }

  #commit(): void {
    clearTimeout(this.#commitTimer)
    this.#commitTimer = undefined
    const link = this.#link
    if (!link) {
      if (!this.#closed) this.#commitTimer = setTimeout(() => this.#commit(), MIN_RETRY_MS)
      return
    }
    const { store, limits, kept } = this.#options
    const before = { ...this.#counts }
    const messages = this.#held.first(this.#most)
    const group = new Group(this.#prefix, limits.maxRecordBytes, store, this.#counts)
    try {
      store.refresh()
      for (const message of messages) group.add(message)
      keepShares(store, group.shares, this.#counts)
      // First told, then acknowledged: killed between the two, the messages come again and their
      // senders are told again. The other way round nobody would tell them before they give up.
      link.publish(group.answers())
      link.acknowledge(messages.filter(({ qos }) => qos > 0).map(({ messageId }) => messageId))
    } catch (error) {
      Object.assign(this.#counts, before)
      // A store with little room takes a few, where it could not take all.
      this.#most = Math.max(1, messages.length >> 1)
      this.#storeFailed(error)
      return
    }
    this.#held.done(messages)
    this.#most = Math.min(limits.maxGroupRecords, this.#most * 2)
    this.#recover()
    if (this.#counts.kept > before.kept) kept()
    if (this.#held.length > 0) this.#commitTimer = setTimeout(() => this.#commit(), 0)
  }

  /** Nothing of the group was kept, nothing is acknowledged: the broker sends no more than its share. */
  #storeFailed(error: unknown): void {
    this.#stuck = true
    this.lastError = complaintOf(error)
    this.#enter(STORE_STATES[this.lastError.code] ?? 'failed')
    this.#commitTimer = setTimeout(() => this.#commit(), this.#storeBackoff.nextMs())
  }

  #recover(): void {
    this.#link?.resume()
    if (!this.#stuck) return
    this.#stuck = false
    this.#storeBackoff.reset()
    this.lastError = undefined
    this.#enter('live')
  }

  #enter(state: IntakeState): void {
    if (state === this.state) return
    this.state = state
    this.sinceUs = Date.now() * 1000
  }
}
