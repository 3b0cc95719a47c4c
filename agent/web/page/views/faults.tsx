import type { ListedEvent } from '../events.ts'
import { ago, clock, many } from '../format.ts'
import { Card, Empty, Head, Pill, Problem } from '../parts/card.tsx'
import { Table } from '../parts/table.tsx'
import { usePoll } from '../poll.ts'
import { codes, status, told } from '../state.ts'

const EVERY_MS = 5_000

/** Trouble codes as the ECUs told them, and lamps. */
export function Faults() {
  const lamps = usePoll<ListedEvent[]>('/events', EVERY_MS, { type: 'lamps', limit: 1 })
  const nowUs = status.value?.nowUs ?? 0
  const { data, error } = told.value
  const all = codes.value
  const there = all.filter(({ event }) => event !== 'gone').length
  const lit = (lamps.data?.[0]?.content.lamps ?? []) as readonly string[]
  return (
    <>
      <Head title="Faults">
        {data
          ? `${many(there, 'trouble code')} present, ${many(all.length - there, 'code')} gone again.`
          : 'Asking the agent.'}
      </Head>
      {error && !data && <Problem error={error} />}
      {lit.length > 0 && (
        <p class="row">
          Lamps lit:{' '}
          {lit.map((lamp) => (
            <Pill key={lamp} level="warn">
              {lamp}
            </Pill>
          ))}
        </p>
      )}
      {data && all.length === 0 ? (
        <Card title="Trouble codes">
          <Empty title="No trouble code has been told">
            A sensor of kind obd, uds or j1939 asks the ECUs for them. Codes stay listed here when
            they are gone.
          </Empty>
        </Card>
      ) : (
        <Card title="Trouble codes" flush>
          <Table
            caption="Trouble codes"
            rows={all}
            keyOf={({ sensor, ecu, code }) => `${sensor} ${ecu} ${code}`}
            columns={[
              {
                head: 'Code',
                names: true,
                cell: ({ code, freezeFrame }) => (
                  <>
                    <span class="mono code">{code}</span>
                    {freezeFrame && <Frame frame={freezeFrame} code={code} />}
                  </>
                ),
              },
              {
                head: 'Now',
                cell: ({ event }) =>
                  event === 'gone' ? (
                    <Pill level="quiet">gone</Pill>
                  ) : (
                    <Pill level="warn">present</Pill>
                  ),
              },
              { head: 'Status', cell: ({ status: words }) => words.join(', ') },
              { head: 'From', cell: ({ ecu, sensor }) => `${ecu}, by ${sensor}` },
              {
                head: 'First seen',
                figure: true,
                cell: ({ firstSeenUs }) => clock(firstSeenUs, nowUs),
              },
              { head: 'Last told', figure: true, cell: ({ timeUs }) => ago(timeUs, nowUs) },
            ]}
          />
        </Card>
      )}
    </>
  )
}

function Frame({ frame, code }: { frame: Readonly<Record<string, unknown>>; code: string }) {
  return (
    <details class="freeze">
      <summary>
        Freeze frame<span class="unseen"> of {code}</span>
      </summary>
      <dl>
        {Object.entries(frame).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="mono">
              {typeof value === 'object' ? JSON.stringify(value) : String(value)}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
