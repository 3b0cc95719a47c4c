import { signal } from '@preact/signals'
import { follow, type Stream, type StreamState } from '../stream.ts'
import { Track } from './track.ts'

/** As the agent's operation `GET /live/readings` sends it. */
type Line =
  | { readonly names: readonly { name: string; unit: string }[]; readonly from: number }
  | { readonly readings: readonly (readonly [number, number | string, number])[] }
  | { readonly lost: number }

/** How often a chart moves, and how often for those who asked their device for less motion. */
const LIVE_HZ = 10
const CALM_HZ = 1
export const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
/** Most charts at a time. */
export const MAX_CHARTS = 50
/** Longest window that can be chosen. */
export const KEEP_SEC = 300

/** Readings of the chosen signals as they come. */
export class Live {
  readonly state = signal<StreamState>('opening')
  readonly error = signal<unknown>(undefined)
  /** Goes up when text beside the charts shall be read anew: about once a second. */
  readonly beat = signal(0)
  readonly #tracks = new Map<string, Track>()
  #stream: Stream | undefined
  #chosen = ''
  #slots: Track[] = []
  #newestSec = 0
  #beatMs = 0

  /** Follows these signals and no others; what is known of them is kept. */
  choose(names: readonly string[]): void {
    const chosen = names.join(',')
    if (chosen === this.#chosen) return
    this.#chosen = chosen
    this.#stream?.close()
    for (const name of this.#tracks.keys()) if (!names.includes(name)) this.#tracks.delete(name)
    this.#slots = []
    if (names.length === 0) return
    this.#stream = follow<Line>(
      '/live/readings',
      { match: chosen, hz: calm ? CALM_HZ : LIVE_HZ },
      (line) => this.#take(line),
      (state, error) => {
        this.state.value = state
        this.error.value = error
      },
    )
  }

  track(name: string): Track | undefined {
    return this.#tracks.get(name)
  }

  /** The agent's time as the newest reading has it. */
  get newestSec(): number {
    return this.#newestSec
  }

  close(): void {
    this.#chosen = ''
    this.#stream?.close()
  }

  #take(line: Line): void {
    if ('names' in line) {
      for (const [i, { name, unit }] of line.names.entries()) {
        const track = this.#tracks.get(name) ?? new Track(name, unit)
        this.#tracks.set(name, track)
        this.#slots[line.from + i] = track
      }
    } else if ('readings' in line) {
      let newest = 0
      for (const [slot, value, timeUs] of line.readings) {
        this.#slots[slot]?.push(timeUs, value, KEEP_SEC)
        newest = Math.max(newest, timeUs / 1e6)
      }
      if (newest > 0) this.#newestSec = newest
    }
    const now = performance.now()
    if (now - this.#beatMs < 1000) return
    this.#beatMs = now
    this.beat.value++
  }
}
