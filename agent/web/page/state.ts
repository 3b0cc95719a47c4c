import { computed, signal } from '@preact/signals'
import type { AgentStatus } from '../../status.ts'
import { codesOf, type KnownCodes, type ListedEvent, type SensorCode } from './events.ts'
import { type Polled, poll } from './poll.ts'

/** How often the page asks how the agent is. */
const STATUS_EVERY_MS = 1_000
const CODES_EVERY_MS = 5_000
/** So many of the last answers are remembered, for the rates. */
const REMEMBERED = 60

const polled = signal<Polled<AgentStatus>>({
  data: undefined,
  error: undefined,
  missing: false,
})
export const status = computed(() => polled.value.data)
export const away = computed(() => polled.value.error)

/** Frames and records a second, one point for each answer of the agent. */
export interface Rate {
  readonly timeUs: number
  readonly framesPerSec: number
  readonly recordsPerSec: number
  readonly sentPerSec: number
}

export const rates = signal<readonly Rate[]>([])

let before: AgentStatus | undefined
polled.subscribe(({ data }) => {
  if (!data || data === before) return
  const last = before
  before = data
  // Another start has counters of its own.
  if (!last || last.startedUs !== data.startedUs) {
    rates.value = []
    return
  }
  const sec = (data.nowUs - last.nowUs) / 1e6
  if (sec <= 0) return
  const per = (of: (status: AgentStatus) => number): number =>
    Math.max(0, (of(data) - of(last)) / sec)
  const rate = {
    timeUs: data.nowUs,
    framesPerSec: per(framesOf),
    recordsPerSec: per(({ records }) => records),
    sentPerSec: per(({ sync }) => sync?.uplink.sentRecords ?? 0),
  }
  rates.value = [...rates.value, rate].slice(-REMEMBERED)
})

export function framesOf(status: AgentStatus): number {
  return status.sensors.reduce((sum, { frames }) => sum + frames, 0)
}

/** Mean of the last few seconds, so that the figure can be read. */
export function recent(of: (rate: Rate) => number, seconds = 5): number {
  const some = rates.value.slice(-seconds)
  return some.length ? some.reduce((sum, rate) => sum + of(rate), 0) / some.length : 0
}

/** Trouble codes as events told of them. */
export const told = signal<Polled<ListedEvent<SensorCode>[]>>({
  data: undefined,
  error: undefined,
  missing: false,
})
/** Those that the sensors know now. */
export const known = signal<Polled<KnownCodes>>({
  data: undefined,
  error: undefined,
  missing: false,
})
export const codes = computed(() => codesOf(known.value.data?.codes ?? [], told.value.data ?? []))

export function startPolling(): void {
  poll(known, '/dtc', {}, CODES_EVERY_MS)
  poll(told, '/events', { type: 'dtc', limit: 1000 }, CODES_EVERY_MS)
  poller = poll(polled, '/status', {}, STATUS_EVERY_MS)
}

let poller: ReturnType<typeof poll> | undefined

export function askNow(): void {
  poller?.now()
}
