import { useMemo, useState } from 'preact/hooks'
import type { HistoryAnswer } from '../../../local/history/query.ts'
import type { SignalNow } from '../../../status.ts'
import { HistoryChart } from '../chart/history-chart.tsx'
import type { ListedEvent } from '../events.ts'
import { clock, many, span } from '../format.ts'
import { Card, Empty, Head, Problem } from '../parts/card.tsx'
import { usePoll } from '../poll.ts'
import { place, remember } from '../route.ts'
import { status } from '../state.ts'
import { usualSignals } from '../usual-signals.ts'

const SPANS_MIN = [2, 10, 60, 360, 1440] as const
const POINTS = 600
/** Marks on a chart beyond these cannot be told apart. */
const MAX_MARKS = 40
const EVERY_MS = 10_000
/** What was is asked for once. */
const NEVER_MS = 3_600_000

/** What happened at 14:10, without the cloud. */
export function History() {
  const { query } = place.value
  const minutes = Number(query.get('min')) || 10
  const atMs = Number(query.get('at')) || undefined
  const listed = usePoll<SignalNow[]>('/signals', EVERY_MS)
  const wanted = query.get('signal') ?? usualSignals(listed.data ?? []).join(',')
  // Around the instant that was asked for; without one, up to now.
  const range = atMs
    ? { fromUs: (atMs - minutes * 30_000) * 1000, toUs: (atMs + minutes * 30_000) * 1000 }
    : undefined
  const { fromUs, toUs } = range ?? liveRange(minutes)
  const every = range ? NEVER_MS : EVERY_MS
  const ready = wanted !== ''
  const read = usePoll<HistoryAnswer>(ready ? '/history' : '/signals', every, {
    ...(ready ? { signal: globsOf(wanted), points: POINTS, fromUs, toUs } : {}),
  })
  const events = usePoll<ListedEvent[]>('/events', every, { fromUs, toUs, limit: 200 })
  const answer = ready ? read.data : undefined
  const set = (change: Record<string, string>): void => {
    const now = { ...Object.fromEntries(query), ...change }
    remember(Object.fromEntries(Object.entries(now).filter(([, value]) => value)))
  }
  const marks = useMemo(
    () =>
      (events.data ?? [])
        .slice(0, MAX_MARKS)
        .map(({ timeUs }) => ({ at: timeUs / 1e6, label: '' })),
    [events.data],
  )
  return (
    <>
      <Head title="History">
        What the signals did, from the ring on this vehicle’s own disk. Older stretches are thinned.
      </Head>
      <Asking key={query.toString()} atMs={atMs} minutes={minutes} wanted={wanted} set={set} />
      {read.error && !answer && <Problem error={read.error} />}
      {answer && (
        <p class="quiet">
          {clock(answer.fromUs)} to {clock(answer.toUs)}, {many(answer.series.length, 'signal')}
          {answer.moreSeries > 0 && `, ${answer.moreSeries} more match`}. {finesse(answer)}
        </p>
      )}
      {answer && answer.series.length === 0 && (
        <Card title="Nothing">
          <Empty title="Nothing was read then">
            The ring holds the last hours; its size stands under history in the config.
          </Empty>
        </Card>
      )}
      <div class="charts">
        {answer?.series.map((series) => (
          <HistoryChart
            key={series.name}
            series={series}
            fromUs={answer.fromUs}
            toUs={answer.toUs}
            marks={marks}
          />
        ))}
      </div>
      <Card title="Events in this time" flush>
        {events.data && events.data.length === 0 && <Empty title="No event" />}
        <ul class="happenings">
          {events.data?.map(({ id, timeUs, type, summary }) => (
            <li key={id} class="happened">
              <span class="pick-title">{clock(timeUs, status.value?.nowUs)}</span>
              <span>
                <b>{shortOf(type)}</b> {summary}
              </span>
            </li>
          ))}
        </ul>
      </Card>
    </>
  )
}

function Asking({
  atMs,
  minutes,
  wanted,
  set,
}: {
  atMs: number | undefined
  minutes: number
  wanted: string
  set(change: Record<string, string>): void
}) {
  const [at, setAt] = useState(localText(atMs))
  const [signal, setSignal] = useState(wanted)
  return (
    <form
      class="card asking"
      aria-label="What to show"
      onSubmit={(event) => {
        event.preventDefault()
        const ms = at ? new Date(at).getTime() : Number.NaN
        set({ at: Number.isFinite(ms) ? String(ms) : '', signal })
      }}
    >
      <label class="field">
        What happened at
        <input
          type="datetime-local"
          step="1"
          value={at}
          onInput={(e) => setAt(e.currentTarget.value)}
        />
      </label>
      <label class="field">
        Within
        <select value={minutes} onChange={(e) => set({ min: e.currentTarget.value })}>
          {SPANS_MIN.map((min) => (
            <option key={min} value={min}>
              {span(min * 60_000)}
            </option>
          ))}
        </select>
      </label>
      <label class="field wide">
        Signals
        <input
          type="text"
          value={signal || wanted}
          placeholder="Engine.*, Battery.Voltage"
          onInput={(e) => setSignal(e.currentTarget.value)}
        />
      </label>
      <div class="row">
        <button type="submit" class="button main">
          Show
        </button>
        <button type="button" class="button" onClick={() => set({ at: '' })}>
          Up to now
        </button>
      </div>
    </form>
  )
}

/** Up to now; moves on in steps, so that one question is asked and not another at each drawing. */
function liveRange(minutes: number): { fromUs: number; toUs: number } {
  const stepUs = EVERY_MS * 1000
  const nowUs = status.value?.nowUs ?? Date.now() * 1000
  const toUs = Math.ceil(nowUs / stepUs) * stepUs
  return { fromUs: toUs - minutes * 60e6, toUs }
}

/** Names with commas or blanks between them; a part of a name stands for all that have it. */
function globsOf(text: string): string {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .join(',')
}

function shortOf(type: string): string {
  return type.replace(/^milepost\./, '').replace(/\.v\d+$/, '')
}

const TIERS: Readonly<Record<string, string>> = {
  full: 'every reading',
  '1s': 'by the second',
  '10s': 'by ten seconds',
}

function finesse({ tiers }: HistoryAnswer): string {
  const names = [...new Set(tiers.map(({ tier }) => TIERS[tier] ?? tier))]
  return names.length ? `Kept ${names.join(' and ')}.` : ''
}

/** As `datetime-local` takes it, in this device's own time zone. */
function localText(ms: number | undefined): string {
  if (!ms) return ''
  const date = new Date(ms)
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}
