import { z } from 'zod'
import { operation } from '../api/operation.ts'
import { AgentError } from '../error.ts'
import type { Part, PartContext } from '../part.ts'
import { isEvent, type LocalEvent } from './event.ts'
import { EventFiles } from './event-files.ts'
import { type EventQuery, findEvent, listEvents } from './events.ts'
import { explain } from './explain.ts'
import { EVENT_FLUSH_MS, EVENT_QUEUE_BYTES } from './limits.ts'

const eventQuery = z.strictObject({
  type: z.string().max(100).optional(),
  fromUs: z.coerce.number().optional(),
  toUs: z.coerce.number().optional(),
  beforeId: z.coerce.number().int().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  /** Captures hold thousands of readings: they are left out of a list unless asked for. */
  whole: z.enum(['true', 'false']).default('false'),
})

/** Remembers the last events on the disk, so that they can be looked at and explained offline. */
export function eventsPart(context: PartContext): Part {
  const store = new EventMemory(context)
  const { api, dataDir } = context
  api.add(
    operation({
      method: 'GET',
      path: '/events',
      role: 'read',
      summary: 'list the last events, the newest first: anomalies, captures, trouble codes, gaps',
      query: eventQuery,
      answer: async ({ query }) => {
        await store.flush()
        return listEvents(dataDir, { ...query, whole: query.whole === 'true' } as EventQuery)
      },
    }),
    operation({
      method: 'GET',
      path: '/explain',
      role: 'read',
      summary: 'tell why an event came about: contributors against their normal range',
      query: z.strictObject({ event: z.coerce.number().int().min(1) }),
      answer: async ({ query }) => {
        await store.flush()
        const found = findEvent(dataDir, query.event)
        if (found) return explain(found)
        throw new AgentError('NOT_FOUND', `No event ${query.event} is remembered here.`, {
          hint: 'milepost events lists those that are; older ones are in Kafka.',
        })
      },
    }),
  )
  return store
}

/** Collects events in memory and appends them to their files every few seconds. */
class EventMemory implements Part {
  readonly name = 'events'
  readonly #files: EventFiles | undefined
  readonly #context: PartContext
  readonly #unwatch: () => void
  readonly #timer: NodeJS.Timeout
  #lines: string[] = []
  #firstId = 0
  #bytes = 0
  #dropped = 0
  #kept = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(context: PartContext) {
    this.#context = context
    this.#files = this.#opened(context.dataDir)
    this.#unwatch = context.taps.watch('local events', {
      record: (lane, type, timeUs, content) => {
        if (isEvent(type)) this.#take({ lane, type, timeUs, content })
      },
    })
    this.#timer = setInterval(() => void this.flush(), EVENT_FLUSH_MS)
  }

  status(): unknown {
    return { kept: this.#kept, dropped: this.#dropped, waitingBytes: this.#bytes }
  }

  /** What was seen so far is in the files when it resolves, if the disk lets it. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async stop(): Promise<void> {
    this.#unwatch()
    clearInterval(this.#timer)
    await this.flush()
  }

  /** A disk that does not take events must not keep a vehicle from working. */
  #opened(dataDir: string): EventFiles | undefined {
    try {
      return new EventFiles(dataDir)
    } catch (error) {
      this.#context.caught('local events', error)
      return undefined
    }
  }

  #take(event: Omit<LocalEvent, 'id'>): void {
    if (!this.#files) return void this.#dropped++
    const id = this.#files.nextId
    const line = `${JSON.stringify({ id, ...event })}\n`
    if (this.#bytes + line.length > EVENT_QUEUE_BYTES) return void this.#dropped++
    this.#files.nextId++
    if (this.#lines.length === 0) this.#firstId = id
    this.#lines.push(line)
    this.#bytes += line.length
  }

  async #write(): Promise<void> {
    if (this.#lines.length === 0 || !this.#files) return
    const lines = this.#lines
    this.#lines = []
    this.#bytes = 0
    try {
      await this.#files.append(lines.join(''), this.#firstId)
      this.#kept += lines.length
    } catch (error) {
      // They are in the outbox all the same.
      this.#dropped += lines.length
      this.#context.caught('local events', error)
    }
  }
}
