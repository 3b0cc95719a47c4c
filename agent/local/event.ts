import type { Lane } from '../../sync/record.ts'

/** An event as it is remembered here: what was kept, with a number to name it by. */
export interface LocalEvent {
  /** Counts up from 1 as long as the data folder lives. */
  readonly id: number
  readonly lane: Lane
  /** CloudEvents type of the record. */
  readonly type: string
  readonly timeUs: number
  readonly content: Readonly<Record<string, unknown>>
}

/** Records that come all the time: they are history, not events. */
const NO_EVENTS = new Set([
  'milepost.snapshot.v1',
  'milepost.change.v1',
  'milepost.window.v1',
  'milepost.health.v1',
])

export function isEvent(type: string): boolean {
  return !NO_EVENTS.has(type)
}

/** `inference` of `milepost.inference.v1`. */
export function shortType(type: string): string {
  return type.replace(/^milepost\./, '').replace(/\.v\d+$/, '')
}

/** The event in one line, for a list. */
export function summaryOf({ type, content }: LocalEvent): string {
  const text = (key: string): string => {
    const value = content[key]
    return value === undefined || value === null ? '' : String(value)
  }
  switch (shortType(type)) {
    case 'inference': {
      const [first] = (content.contributors ?? []) as { signal?: string }[]
      const score = Number(content.score) / Number(content.threshold)
      return `anomaly ${text('event')}: ${first?.signal ?? '?'}, ${score.toFixed(1)} × the threshold of ${text('model')}`
    }
    case 'capture':
    case 'trigger': {
      const cause = content.cause as { when?: string; anomaly?: string } | undefined
      const why = cause?.when ?? (cause?.anomaly ? `anomaly of ${cause.anomaly}` : '')
      return `campaign ${text('campaign')}: ${why}`
    }
    case 'sensor.gap':
      return `sensor ${text('sensor')} was silent for ${(Number(content.durationMs) / 1000).toFixed(1)} s (${text('cause')})`
    case 'agent.started':
      return `milepost ${text('version')} started`
    case 'agent.stopped':
      return 'milepost stopped'
    case 'dtc': {
      const status = Array.isArray(content.status) ? content.status.join(', ') : ''
      return `${text('code')} ${text('event')} (${status}) in ECU ${text('ecu')}, told by ${text('sensor')}`
    }
    case 'operated':
      return `${text('who')}: ${text('summary')} (${text('phase')})`
    default:
      return plain(content)
  }
}

const MAX_PLAIN_CHARS = 120

function plain(content: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(content)
    .filter(([key]) => key !== 'timeUs')
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
  const text = parts.join(', ')
  return text.length > MAX_PLAIN_CHARS ? `${text.slice(0, MAX_PLAIN_CHARS)}…` : text
}
