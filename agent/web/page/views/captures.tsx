import { useMemo } from 'preact/hooks'
import { type Drive, Plot } from '../chart/plot.tsx'
import type { CaptureCause, CaptureContent, ListedEvent } from '../events.ts'
import { ago, clock, count, many, span, unitSign } from '../format.ts'
import { Card, Empty, Facts, Head, Pill, Problem } from '../parts/card.tsx'
import { usePoll } from '../poll.ts'
import { place, wayTo } from '../route.ts'
import { status } from '../state.ts'

const EVERY_MS = 5_000

/** What was around a trigger, with the trigger marked. */
export function Captures() {
  const query = { type: 'capture', limit: 100 }
  const listed = usePoll<ListedEvent<CaptureCause>[]>('/events', EVERY_MS, query)
  const events = listed.data ?? []
  const asked = Number(place.value.query.get('event')) || events[0]?.id
  const nowUs = status.value?.nowUs ?? 0
  return (
    <>
      <Head title="Captures">
        The readings from before and after a trigger. Hold the pointer on a chart to read it.
      </Head>
      {listed.error && !listed.data && <Problem error={listed.error} />}
      {listed.data && events.length === 0 ? (
        <Card title="Captures">
          <Empty title="Nothing has been captured">
            A campaign with “capture” does it when its condition holds, or a model sees an anomaly.
          </Empty>
        </Card>
      ) : (
        <div class="split">
          <Card title="Triggers" flush>
            <ul class="picks">
              {events.map(({ id, timeUs, content }) => (
                <li key={id}>
                  <a
                    href={wayTo('captures', { event: String(id) })}
                    aria-current={id === asked ? 'true' : undefined}
                  >
                    <span class="pick-title">{clock(timeUs, nowUs)}</span>
                    <span class="quiet small">{causeOf(content)}</span>
                    <span class="quiet small pick-aside">{ago(timeUs, nowUs)}</span>
                  </a>
                </li>
              ))}
            </ul>
          </Card>
          {asked ? <Capture id={asked} /> : null}
        </div>
      )}
    </>
  )
}

function causeOf({ campaign, cause }: CaptureCause): string {
  return `${campaign}: ${cause.when ?? (cause.anomaly ? `anomaly of ${cause.anomaly}` : 'trigger')}`
}

function Capture({ id }: { id: number }) {
  const query = { type: 'capture', beforeId: id + 1, limit: 1, whole: 'true' }
  const { data, error } = usePoll<ListedEvent<CaptureContent>[]>('/events', 3_600_000, query)
  const event = data?.find((one) => one.id === id)
  if (!event) {
    return (
      <Card title={`Capture ${id}`}>
        {error ? (
          <Problem error={error} />
        ) : (
          <Empty title={data ? 'This capture is no longer remembered here' : 'Asking the agent'}>
            {data && 'It has been sent to Kafka, or waits in the outbox.'}
          </Empty>
        )}
      </Card>
    )
  }
  const { content } = event
  const tracks = Object.entries(content.signals).filter(([, { offsetsUs }]) => offsetsUs.length > 0)
  const readings = tracks.reduce((sum, [, { offsetsUs }]) => sum + offsetsUs.length, 0)
  return (
    <Card
      title={causeOf(content)}
      aside={
        <Pill level={content.complete ? 'fine' : 'warn'}>
          {content.complete ? 'complete' : 'not complete'}
        </Pill>
      }
    >
      <Facts
        facts={[
          ['Trigger', clock(content.timeUs)],
          ['Before it', span((content.timeUs - content.fromUs) / 1000)],
          ['After it', span((content.toUs - content.timeUs) / 1000)],
          ['Held', `${many(tracks.length, 'signal')}, ${count(readings)} readings`],
        ]}
      />
      <div class="tracks">
        {tracks.map(([name, track]) => (
          <TrackChart key={name} name={name} track={track} content={content} />
        ))}
      </div>
    </Card>
  )
}

function TrackChart({
  name,
  track,
  content,
}: {
  name: string
  track: CaptureContent['signals'][string]
  content: CaptureContent
}) {
  const drive = useMemo<Drive>(
    () => (plot) => {
      const values = track.values.map((value) => (typeof value === 'number' ? value : null))
      plot.batch(() => {
        plot.setData([track.offsetsUs.map((us) => us / 1e6), values], true)
        plot.setScale('x', {
          min: (content.fromUs - content.timeUs) / 1e6,
          max: (content.toUs - content.timeUs) / 1e6,
        })
      })
      return () => {}
    },
    [track, content],
  )
  const options = useMemo(
    () => ({
      height: 130,
      series: [{ label: name }],
      relative: true,
      marks: [{ at: 0, label: 'trigger' }],
      label: `${name} around the trigger`,
    }),
    [name],
  )
  return (
    <figure>
      <figcaption class="track-name">
        {name} <span class="unit">{unitSign(track.unit)}</span>
      </figcaption>
      <Plot options={options} drive={drive} />
    </figure>
  )
}
