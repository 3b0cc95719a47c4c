import type { KafkaConnection } from '../../sync/kafka/client.ts'
import { readHistory } from '../../sync/kafka/history.ts'
import { UPDATE_TYPE, type UpdateStep } from '../updates/steps.ts'

/** How a vehicle stands to one release, by the last that it told. */
export interface Outcome {
  readonly is: 'good' | 'failed' | 'under way' | 'not for it'
  readonly phase: UpdateStep['phase']
  readonly reason?: string
  readonly timeUs: number
}

/** Vehicles that are kept track of; the largest fleet is ten times smaller. */
const MAX_VEHICLES = 1_000_000
/** Releases that are kept track of for each vehicle: the newest. */
const MAX_RELEASES = 32

/** What every vehicle told of its updates, read from the topic of the lane `critical` as it grows. */
export class Outcomes {
  /** When each vehicle was heard of last, by Kafka's time of its records: microseconds. */
  readonly lastSeenUs = new Map<string, number>()
  records = 0
  readonly #connection: KafkaConnection
  readonly #topic: string
  readonly #told = new Map<string, Map<string, Outcome>>()
  #offsets: Record<number, number> | undefined

  constructor(connection: KafkaConnection, topic: string) {
    this.#connection = connection
    this.#topic = topic
  }

  /** Reads what has come since the last time, to the end that there is now. */
  async read(signal?: AbortSignal, onProgress?: (done: number, total: number) => void) {
    const next: Record<number, number> = { ...this.#offsets }
    const batches = readHistory({
      ...this.#connection,
      topic: this.#topic,
      from: this.#offsets ? { offsets: this.#offsets } : 'earliest',
      signal,
      onRanges: (ranges) => {
        for (const { partition, to } of ranges) next[partition] = to
      },
      onProgress: ({ doneOffsets, totalOffsets }) => onProgress?.(doneOffsets, totalOffsets),
    })
    for await (const batch of batches) {
      for (const record of batch) {
        const vehicle = record.key?.toString()
        if (!vehicle) continue
        this.records++
        // A record that no clock vouches for has no time on Kafka; that it came at all is news.
        const ms = record.timestampMs < 0 ? Date.now() : record.timestampMs
        this.#saw(vehicle, ms * 1000)
        if (record.header('ce_type')?.toString() === UPDATE_TYPE && record.value) {
          this.#take(vehicle, record.value)
        }
      }
    }
    this.#offsets = next
  }

  /** What a vehicle told of the release with this file. */
  of(vehicle: string, file: string): Outcome | undefined {
    return this.#told.get(vehicle)?.get(file)
  }

  /** For a source other than Kafka. */
  take(vehicle: string, step: UpdateStep): void {
    this.#saw(vehicle, step.timeUs)
    if (!step.file) return
    const outcome = outcomeOf(step)
    if (!outcome) return
    const told = this.#told.get(vehicle) ?? new Map<string, Outcome>()
    this.#told.set(vehicle, told)
    // Put at the end, so that the oldest is the first to go.
    told.delete(step.file)
    told.set(step.file, outcome)
    if (told.size > MAX_RELEASES) told.delete(told.keys().next().value as string)
  }

  #take(vehicle: string, value: Uint8Array): void {
    let step: UpdateStep
    try {
      step = JSON.parse(Buffer.from(value).toString('utf8'))
    } catch {
      return
    }
    if (this.lastSeenUs.has(vehicle)) this.take(vehicle, step)
  }

  #saw(vehicle: string, timeUs: number): void {
    const before = this.lastSeenUs.get(vehicle)
    if (before === undefined && this.lastSeenUs.size >= MAX_VEHICLES) return
    this.lastSeenUs.set(vehicle, Math.max(before ?? 0, timeUs))
  }
}

function outcomeOf({ phase, code, reason, timeUs }: UpdateStep): Outcome | undefined {
  const told = { phase, timeUs, ...(reason ? { reason } : {}) }
  if (phase === 'good' || phase === 'applied') return { is: 'good', ...told }
  if (phase === 'skipped') return { is: 'not for it', ...told }
  if (phase === 'refused') return { is: 'failed', ...told }
  // A rollout that was changed in mid-trial says nothing of the bundle.
  if (phase === 'back') return { is: code === 'WITHDRAWN' ? 'under way' : 'failed', ...told }
  if (phase === 'check') return undefined
  return { is: 'under way', ...told }
}
