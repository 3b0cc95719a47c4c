import type { ComponentChildren } from 'preact'
import type { UpdatesStatus } from '../../../updates/part.ts'
import type { Level } from '../answers.ts'
import { ago, bytes, clock, count, many, span } from '../format.ts'
import { Action } from '../parts/action.tsx'
import { Card, Empty, Facts, Head, Meter, Pill, Problem } from '../parts/card.tsx'
import { Table } from '../parts/table.tsx'
import { usePoll } from '../poll.ts'
import { status } from '../state.ts'

const EVERY_MS = 3_000

const LEVELS: Readonly<Record<string, Level>> = {
  good: 'fine',
  applied: 'fine',
  back: 'stop',
  refused: 'stop',
  check: 'warn',
  failed: 'warn',
}

/** Where releases come from, what is on trial, and what became of the last ones. */
export function Updates() {
  const { data, error, missing } = usePoll<UpdatesStatus>('/updates', EVERY_MS)
  const nowUs = status.value?.nowUs ?? 0
  if (missing) {
    return (
      <Frame>
        <Card title="Updates">
          <Empty title="This agent looks for no updates">
            Name a release repository under updates in the config, or bring one on a USB stick.
          </Empty>
        </Card>
      </Frame>
    )
  }
  if (!data)
    return <Frame>{error ? <Problem error={error} /> : <Empty title="Asking the agent" />}</Frame>
  const { download, slots, held, steps } = data
  return (
    <Frame>
      <Card
        title="Repository"
        aside={
          <Pill level={data.state === 'idle' ? 'quiet' : 'fine'}>{data.state ?? 'starting'}</Pill>
        }
      >
        <Facts
          facts={[
            ['From', data.from ?? 'none'],
            ['Looked', many(data.looks ?? 0, 'time')],
            ['Of these failed', count(data.failedLooks ?? 0)],
            ['Last good look', ago(data.lastGoodUs ?? 0, nowUs)],
            ...(data.mqtt ? ([['MQTT', data.mqtt]] as const) : []),
          ]}
        />
        {download && (
          <div>
            <p>
              Fetching {download.release}: {bytes(download.bytes)} of {bytes(download.length)}
            </p>
            <Meter share={download.bytes / Math.max(1, download.length)} />
          </div>
        )}
        <Action
          label="Look now"
          sure="The agent asks the repository, and takes what is meant for this vehicle."
          path="/updates/look"
          body={{}}
          done={() => 'Looked. What it found stands below.'}
        />
      </Card>
      <Card title="Models" flush>
        {slots.length === 0 ? (
          <Empty title="No model takes updates">A model with a slot in the config does.</Empty>
        ) : (
          <Table
            caption="Models that take updates"
            rows={slots}
            keyOf={({ slot }) => slot}
            columns={[
              { head: 'Slot', names: true, cell: ({ slot }) => slot },
              { head: 'At work', cell: ({ current }) => release(current?.release, 'as installed') },
              {
                head: 'On trial',
                cell: ({ attempt }) =>
                  attempt ? (
                    <>
                      {attempt.release}
                      <span class="under">
                        {many(attempt.rows, 'row')} in {span(attempt.ms)}
                        {attempt.crashes > 0 && `, ${many(attempt.crashes, 'crash', 'crashes')}`}
                      </span>
                    </>
                  ) : (
                    'nothing'
                  ),
              },
              { head: 'Before it', cell: ({ previous }) => release(previous?.release, 'nothing') },
              {
                head: 'Barred',
                cell: ({ barred }) =>
                  barred.length === 0 ? 'none' : <Pill level="warn">{barred.at(-1)!.reason}</Pill>,
              },
            ]}
          />
        )}
      </Card>
      {held.length > 0 && (
        <Card title="Campaigns and DBC files" flush>
          <Table
            caption="Campaigns and DBC files that releases brought"
            rows={held}
            keyOf={({ kind, name }) => `${kind} ${name}`}
            columns={[
              { head: 'Name', names: true, cell: ({ name }) => name },
              { head: 'Kind', cell: ({ kind }) => kind },
              { head: 'Version', cell: ({ version }) => version },
              {
                head: 'State',
                cell: ({ state, reason }) => `${state}${reason ? `: ${reason}` : ''}`,
              },
            ]}
          />
        </Card>
      )}
      <Card title="Last steps" flush>
        {steps.length === 0 && (
          <Empty title="No step since the start">Older ones are events: see History.</Empty>
        )}
        <ul class="happenings">
          {[...steps].reverse().map(({ timeUs, phase, release: path, name, reason }) => (
            <li key={`${timeUs} ${phase}`} class="happened">
              <span class="pick-title">{clock(timeUs, nowUs)}</span>
              <span>
                <Pill level={LEVELS[phase] ?? 'quiet'}>{phase}</Pill> {path ?? name}
                {reason && <span class="under">{reason}</span>}
              </span>
            </li>
          ))}
        </ul>
      </Card>
    </Frame>
  )
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <Head title="Updates">
        Signed releases of models, campaigns and DBC files, tried before they are kept.
      </Head>
      {children}
    </>
  )
}

function release(path: string | undefined, otherwise: string): string {
  return path ?? otherwise
}
