import type { Cleared } from '../../../trouble-codes/trouble-codes-part.ts'
import type { ListedEvent } from '../events.ts'
import { ago, clock, many } from '../format.ts'
import { Action } from '../parts/action.tsx'
import { Card, Empty, Head, Pill, Problem } from '../parts/card.tsx'
import { Table } from '../parts/table.tsx'
import { usePoll } from '../poll.ts'
import { codes, known, status } from '../state.ts'

const EVERY_MS = 5_000
/** Kinds of sensors that may be able to clear what they read. */
const CLEARS = new Set(['obd'])

interface Lit {
  readonly lamps?: readonly string[]
}

/** Trouble codes as the ECUs told them, and lamps. */
export function Faults() {
  const query = { type: 'lamps', limit: 1 }
  const lamps = usePoll<ListedEvent<Lit>[]>('/events', EVERY_MS, query)
  const nowUs = status.value?.nowUs ?? 0
  const { data, error } = known.value
  const all = codes.value
  const there = all.filter(({ present }) => present).length
  const lit = lamps.data?.[0]?.content.lamps ?? []
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
                cell: ({ present }) =>
                  !present ? <Pill level="quiet">gone</Pill> : <Pill level="warn">present</Pill>,
              },
              { head: 'Status', cell: ({ status: words }) => words.join(', ') },
              { head: 'From', cell: ({ ecu, sensor }) => `${ecu}, by ${sensor}` },
              {
                head: 'First seen',
                figure: true,
                cell: ({ firstSeenUs }) => clock(firstSeenUs, nowUs),
              },
              { head: 'Last seen', figure: true, cell: ({ lastSeenUs }) => ago(lastSeenUs, nowUs) },
            ]}
          />
        </Card>
      )}
      {data?.sensors
        .filter(({ kind }) => CLEARS.has(kind))
        .map(({ sensor }) => (
          <Card key={sensor} title={`Clear the codes of ${sensor}`}>
            <p class="quiet">
              Freeze frames go with them. The config of the sensor has to allow it, and it leaves a
              record.
            </p>
            <Action<Cleared>
              label="Clear codes"
              sure="Every ECU forgets its codes and freeze frames."
              path="/dtc/clear"
              body={{ sensor }}
              done={({ ecus, left }) =>
                `${Object.entries(ecus)
                  .map(([ecu, answer]) => `${ecu}: ${answer}`)
                  .join(', ')}. ${many(left.length, 'code')} left.`
              }
            />
          </Card>
        ))}
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
