import { nameMatcher } from '../collection/match.ts'
import { type LocalEvent, shortType, summaryOf } from './event.ts'
import { readEvents } from './event-files.ts'

export interface EventQuery {
  /** Types wanted, short (`inference`) or whole, `*` for any run of characters. */
  readonly type?: string
  readonly fromUs?: number
  readonly toUs?: number
  /** Only events older than this one: the next page. */
  readonly beforeId?: number
  readonly limit: number
  /** With everything; without, long content is cut down to what a list needs. */
  readonly whole: boolean
}

/** An event in a list. */
export interface ListedEvent extends LocalEvent {
  readonly summary: string
}

/** The events of a data folder that match, the newest first; works without an agent. */
export function listEvents(dataDir: string, query: EventQuery): ListedEvent[] {
  const matches = query.type === undefined ? () => true : nameMatcher(query.type.split(','))
  const found: ListedEvent[] = []
  readEvents(dataDir, (event) => {
    const { id, type, timeUs } = event
    const wanted =
      (query.beforeId === undefined || id < query.beforeId) &&
      (query.fromUs === undefined || timeUs >= query.fromUs) &&
      (query.toUs === undefined || timeUs <= query.toUs) &&
      (matches(type) || matches(shortType(type)))
    if (wanted) found.push({ ...(query.whole ? event : brief(event)), summary: summaryOf(event) })
    return found.length < query.limit
  })
  return found
}

export function findEvent(dataDir: string, id: number): LocalEvent | undefined {
  let found: LocalEvent | undefined
  readEvents(dataDir, (event) => {
    if (event.id === id) found = event
    return event.id > id
  })
  return found
}

/** Without the readings of a capture: only whose they are. */
function brief(event: LocalEvent): LocalEvent {
  const { signals } = event.content
  if (typeof signals !== 'object' || signals === null) return event
  return { ...event, content: { ...event.content, signals: Object.keys(signals) } }
}
