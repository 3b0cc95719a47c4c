import { useEffect, useMemo, useState } from 'preact/hooks'
import type { SignalNow } from '../../../status.ts'
import { complaintOf } from '../ask.ts'
import { calm, KEEP_SEC, Live, MAX_CHARTS } from '../chart/live.ts'
import { LiveChart } from '../chart/live-chart.tsx'
import { ago, figure, many, unitSign } from '../format.ts'
import { Card, Empty, Head, Problem } from '../parts/card.tsx'
import { Table } from '../parts/table.tsx'
import { usePoll } from '../poll.ts'
import { place, remember } from '../route.ts'
import { status } from '../state.ts'
import { usualSignals } from '../usual-signals.ts'

const WINDOWS = [15, 60, KEEP_SEC] as const
const LIST_EVERY_MS = 2_000
/** Rows of the list; a filter finds the others. */
const MAX_ROWS = 200

/** Live signals, charted. */
export function Signals() {
  const live = useMemo(() => new Live(), [])
  const [filter, setFilter] = useState('')
  const [windowSec, setWindowSec] = useState<number>(60)
  const [paused, setPaused] = useState(false)
  const listed = usePoll<SignalNow[]>('/signals', LIST_EVERY_MS)
  const all = listed.data ?? []
  const asked = place.value.query.get('chart')
  const chosen =
    asked === null ? usualSignals(all) : asked.split(',').filter(Boolean).slice(0, MAX_CHARTS)
  const chosenKey = chosen.join(',')
  useEffect(() => live.choose(chosenKey ? chosenKey.split(',') : []), [live, chosenKey])
  useEffect(() => () => live.close(), [live])
  const choose = (names: readonly string[]): void =>
    remember({ chart: [...new Set(names)].slice(0, MAX_CHARTS).join(',') })
  const matching = all.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()))
  const nowUs = status.value?.nowUs ?? 0
  return (
    <>
      <Head title="Signals">
        {many(all.length, 'signal')} seen. Charts move{' '}
        {paused ? 'on when you let them' : calm ? 'once a second' : 'ten times a second'}.
      </Head>
      <div class="row toolbar">
        <label class="field">
          <span class="unseen">Length of the charts</span>
          <select value={windowSec} onChange={(e) => setWindowSec(Number(e.currentTarget.value))}>
            {WINDOWS.map((sec) => (
              <option key={sec} value={sec}>
                {sec < 60 ? `${sec} seconds` : sec === 60 ? '1 minute' : `${sec / 60} minutes`}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="button"
          aria-pressed={paused}
          onClick={() => setPaused(!paused)}
        >
          {paused ? 'Go on' : 'Hold'}
        </button>
        <button
          type="button"
          class="button"
          disabled={chosen.length === 0}
          onClick={() => choose([])}
        >
          Remove all charts
        </button>
        {live.state.value === 'away' && (
          <span class="quiet">The stream has ended; opening it again.</span>
        )}
      </div>
      {live.state.value === 'away' && live.error.value ? (
        <Problem error={complaintOf(live.error.value)} />
      ) : null}
      {chosen.length === 0 ? (
        <Empty title="No chart chosen">Choose signals in the list below.</Empty>
      ) : (
        <div class="charts">
          {chosen.map((name) => (
            <LiveChart
              key={name}
              live={live}
              name={name}
              windowSec={windowSec}
              paused={paused}
              close={() => choose(chosen.filter((other) => other !== name))}
            />
          ))}
        </div>
      )}
      <Card
        title="All signals"
        flush
        aside={
          <button
            type="button"
            class="button"
            disabled={matching.length === 0}
            onClick={() => choose([...chosen, ...matching.map(({ name }) => name)])}
          >
            Chart {matching.length > MAX_CHARTS ? `the first ${MAX_CHARTS}` : 'all of these'}
          </button>
        }
      >
        <div class="inset">
          <label class="field">
            Find
            <input
              type="search"
              value={filter}
              placeholder="part of a name"
              onInput={(e) => setFilter(e.currentTarget.value)}
            />
          </label>
        </div>
        {listed.error && !listed.data && <Problem error={listed.error} />}
        {all.length > 0 && matching.length === 0 && (
          <Empty title="No such signal">
            Names are those of the DBC files, or of names in the config.
          </Empty>
        )}
        {listed.data && all.length === 0 && (
          <Empty title="No reading yet">
            They come when a sensor is live and a DBC file knows its frames.
          </Empty>
        )}
        {matching.length > 0 && (
          <Table
            caption="Latest reading of every signal"
            rows={matching.slice(0, MAX_ROWS)}
            keyOf={({ name }) => name}
            columns={[
              {
                head: 'Signal',
                names: true,
                cell: ({ name }) => (
                  <label class="check">
                    <input
                      type="checkbox"
                      checked={chosen.includes(name)}
                      onChange={(e) =>
                        choose(
                          e.currentTarget.checked
                            ? [...chosen, name]
                            : chosen.filter((other) => other !== name),
                        )
                      }
                    />
                    <span>{name}</span>
                  </label>
                ),
              },
              {
                head: 'Value',
                figure: true,
                cell: ({ value, unit }) => (
                  <>
                    <span class="mono">{figure(value)}</span>{' '}
                    <span class="unit">{unitSign(unit)}</span>
                  </>
                ),
              },
              { head: 'Read', figure: true, cell: ({ timeUs }) => ago(timeUs, nowUs) },
            ]}
          />
        )}
        {matching.length > MAX_ROWS && (
          <p class="inset quiet">{matching.length - MAX_ROWS} more: write a part of their name.</p>
        )}
      </Card>
    </>
  )
}
