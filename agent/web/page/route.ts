import { signal } from '@preact/signals'

export interface Way {
  readonly id: string
  readonly label: string
  /** For the bar at a phone's foot. */
  readonly short?: string
  /** Not in the bar at a phone's foot, which has room for four and a menu. */
  readonly more?: boolean
}

/** The views, in the order in which a technician asks. */
export const WAYS: readonly Way[] = [
  { id: 'overview', label: 'Overview' },
  { id: 'signals', label: 'Signals' },
  { id: 'faults', label: 'Faults' },
  { id: 'sync', label: 'Buffer & sync', short: 'Sync' },
  { id: 'inferences', label: 'Inferences', more: true },
  { id: 'captures', label: 'Captures', more: true },
  { id: 'history', label: 'History', more: true },
  { id: 'updates', label: 'Updates', more: true },
  { id: 'doctor', label: 'Doctor', more: true },
  { id: 'support', label: 'Support', more: true },
]

/** Where one is: `#/signals?match=Engine.*`; the part after `?` belongs to the view. */
export interface Place {
  readonly view: string
  readonly query: URLSearchParams
}

function read(): Place {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  const view = WAYS.some(({ id }) => id === path) ? path : WAYS[0].id
  return { view, query: new URLSearchParams(query) }
}

export const place = signal<Place>(read())

addEventListener('hashchange', () => {
  place.value = read()
})

export function wayTo(view: string, query: Record<string, string> = {}): string {
  const text = new URLSearchParams(query).toString()
  return `#/${view}${text ? `?${text}` : ''}`
}

/** Keeps the view's own part of the address, without a new step in the browser's history. */
export function remember(query: Record<string, string>): void {
  history.replaceState(null, '', wayTo(place.value.view, query))
  place.value = read()
}
