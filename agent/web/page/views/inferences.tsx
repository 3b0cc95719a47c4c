import { ScoreChart, type Scores } from '../chart/score-chart.tsx'
import type { Explanation, InferenceContent, ListedEvent } from '../events.ts'
import { ago, clock, count, figure } from '../format.ts'
import { Card, Empty, Facts, Head, Pill, Problem } from '../parts/card.tsx'
import { Contributors } from '../parts/contributors.tsx'
import { usePoll } from '../poll.ts'
import { place, wayTo } from '../route.ts'
import { status } from '../state.ts'

const EVERY_MS = 4_000
const SCORES_EVERY_MS = 2_000

/** What the models say, and why. */
export function Inferences() {
  const query = { type: 'inference', limit: 100 }
  const listed = usePoll<ListedEvent<InferenceContent>[]>('/events', EVERY_MS, query)
  const scores = usePoll<Scores[]>('/inferences', SCORES_EVERY_MS, { limit: 300 })
  const now = status.value
  const events = listed.data ?? []
  const asked = Number(place.value.query.get('event')) || events[0]?.id
  return (
    <>
      <Head title="Inferences">
        What the models make of the readings, and which signals make it up.
      </Head>
      <div class="columns">
        {now?.models.map((model) => (
          <Card
            key={model.name}
            title={`Model ${model.name}`}
            aside={
              <Pill level={model.active ? 'warn' : model.inferences ? 'fine' : 'quiet'}>
                {model.active ? 'anomaly now' : model.inferences ? 'nothing unusual' : 'waiting'}
              </Pill>
            }
          >
            <ScoreChart
              model={model.name}
              threshold={model.threshold}
              scores={scores.data?.find((one) => one.model === model.name)}
            />
            <Facts
              facts={[
                ['Score now', figure(model.lastScore)],
                ['Alarm at', figure(model.threshold)],
                ['Inferences', count(model.inferences)],
                ['Anomalies since start', count(model.anomalies)],
                ['Runtime', model.runtime],
                ['Bundle', <code key="hash">{model.hash.slice(0, 12)}</code>],
              ]}
            />
            {model.problems.map((problem) => (
              <Problem
                key={problem}
                error={{
                  code: 'UNIT',
                  message: problem,
                  hint: 'Give its unit under names in the config.',
                }}
              />
            ))}
          </Card>
        ))}
      </div>
      {now && now.models.length === 0 && (
        <Empty title="No model is configured">Name a bundle under models in the config.</Empty>
      )}
      {listed.error && !listed.data && <Problem error={listed.error} />}
      <div class="split">
        <Card title="Anomalies" flush>
          {listed.data && events.length === 0 ? (
            <Empty title="No anomaly has been seen">
              One that begins or ends is listed here, also after a restart.
            </Empty>
          ) : (
            <ul class="picks">
              {events.map((event) => (
                <Pick
                  key={event.id}
                  event={event}
                  here={event.id === asked}
                  nowUs={now?.nowUs ?? 0}
                />
              ))}
            </ul>
          )}
        </Card>
        {asked ? <Why event={asked} /> : null}
      </div>
    </>
  )
}

interface Picked {
  event: ListedEvent<InferenceContent>
  here: boolean
  nowUs: number
}

function Pick({ event, here, nowUs }: Picked) {
  const { content } = event
  return (
    <li>
      <a
        href={wayTo('inferences', { event: String(event.id) })}
        aria-current={here ? 'true' : undefined}
      >
        <span class="pick-title">
          {content.event === 'begin' ? 'Began' : 'Ended'} {clock(event.timeUs, nowUs)}
        </span>
        <span class="quiet small">
          {content.contributors[0]?.signal}, {(content.score / content.threshold).toFixed(1)} × the
          alarm
        </span>
        <span class="quiet small pick-aside">{ago(event.timeUs, nowUs)}</span>
      </a>
    </li>
  )
}

/** Why the chosen event came about. */
function Why({ event }: { event: number }) {
  const { data, error } = usePoll<Explanation>('/explain', 60_000, { event })
  return (
    <Card
      title={`Why event ${event}`}
      aside={data && <span class="quiet small">{clock(data.event.timeUs)}</span>}
    >
      {error && !data && <Problem error={error} />}
      {data && (
        <>
          <div class="because">
            {data.because.map((line) => (
              <p key={line}>{line}</p>
            ))}
          </div>
          <Contributors contributors={data.contributors} />
        </>
      )}
    </Card>
  )
}
