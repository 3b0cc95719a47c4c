import type { ComponentChildren } from 'preact'
import type { AgentStatus } from '../../../status.ts'
import type { MachineStatus } from '../../../watch/machine.ts'
import type { Rates, SensorRate } from '../../../watch/rates.ts'
import {
  type Answer,
  busAnswer,
  faultsAnswer,
  modelAnswer,
  uplinkAnswer,
  waitingAnswer,
} from '../answers.ts'
import { ago, bytes, count, figure, span } from '../format.ts'
import { Card, Empty, Facts, Head, Meter, Pill, Problem } from '../parts/card.tsx'
import { Icon } from '../parts/icons.tsx'
import { Sign } from '../parts/sign.tsx'
import { Spark } from '../parts/spark.tsx'
import { Table } from '../parts/table.tsx'
import { wayTo } from '../route.ts'
import { codes, rates as history, known, recent, status } from '../state.ts'
import { todosOf } from '../todos.ts'

/** The technician's five questions, answered at one glance. */
export function Overview() {
  const now = status.value
  if (!now) return <Waiting />
  const framesPerSec = recent((rate) => rate.framesPerSec)
  const machine = now.parts.machine as MachineStatus | undefined
  return (
    <>
      <Head title="Overview" />
      <Sign todos={todosOf(now, codes.value)} />
      <div class="answers">
        <Asked question="Is the bus read?" answer={busAnswer(now, framesPerSec)} view="signals">
          <Spark values={history.value.map((rate) => rate.framesPerSec)} />
        </Asked>
        <Asked question="Is the model right?" answer={modelAnswer(now)} view="inferences">
          {now.models.map(({ name, lastScore, threshold, active }) => (
            <div key={name} class="score">
              <Meter
                share={(lastScore ?? 0) / (threshold * 1.5)}
                mark={1 / 1.5}
                level={active ? 'warn' : 'fine'}
              />
              <span class="small quiet">
                score {figure(lastScore)}, alarm at {figure(threshold)}
              </span>
            </div>
          ))}
        </Asked>
        <Asked
          question="Are there faults?"
          answer={faultsAnswer(known.value.data && codes.value)}
          view="faults"
        />
        <Asked question="Is data waiting?" answer={waitingAnswer(now)} view="sync">
          <Lanes now={now} />
        </Asked>
        <Asked question="Is it sent?" answer={uplinkAnswer(now)} view="sync">
          <Spark values={history.value.map((rate) => rate.sentPerSec)} />
        </Asked>
      </div>
      <Sensors now={now} />
      <Card title="This gateway">
        <Facts
          facts={[
            ['Vehicle', now.vehicle],
            ['Clock', now.clock],
            ['Up for', span((now.nowUs - now.startedUs) / 1000)],
            ['Memory', bytes(now.memoryBytes)],
            ['Signals known', count(now.signals.known)],
            ['Readings', count(now.readings)],
            ['Records made', count(now.records)],
            ['Version', now.version],
            ...(machine ? machineFacts(machine) : []),
            ...(now.decode
              ? ([
                  ['Frames of unknown id', count(now.decode.unknown)],
                  ['Frames too short', count(now.decode.short)],
                ] as const)
              : []),
          ]}
        />
      </Card>
    </>
  )
}

function machineFacts({ diskFreeBytes, diskBytes, memoryFreeBytes, load }: MachineStatus) {
  return [
    ['Disk free', diskBytes ? `${bytes(diskFreeBytes)} of ${bytes(diskBytes)}` : 'not told'],
    ['Memory free', bytes(memoryFreeBytes)],
    ['Load', load.toFixed(2)],
  ] as const
}

export function Waiting({ title = 'Overview' }: { title?: string }) {
  return (
    <>
      <Head title={title} />
      <Empty title="Asking the agent">The first answer comes within a second.</Empty>
    </>
  )
}

function Asked({
  question,
  answer,
  view,
  children,
}: {
  question: string
  answer: Answer
  view: string
  children?: ComponentChildren
}) {
  return (
    <section class={`asked ${answer.level}`} aria-label={question}>
      <h2>
        <a href={wayTo(view)}>{question}</a>
      </h2>
      <p class="answer">
        <span class="answer-mark">
          <Icon name={answer.level} size={18} />
        </span>
        {answer.text}
      </p>
      {answer.detail && <p class="quiet small">{answer.detail}</p>}
      <div class="asked-foot">{children}</div>
    </section>
  )
}

function Lanes({ now }: { now: AgentStatus }) {
  const lanes = Object.entries(now.sync?.lanes ?? {})
  return (
    <ul class="lanes small">
      {lanes.map(([lane, { records }]) => (
        <li key={lane}>
          <span class="quiet">{lane}</span> <b>{count(records)}</b>
        </li>
      ))}
    </ul>
  )
}

const LEVELS = {
  live: 'fine',
  off: 'quiet',
  starting: 'quiet',
  stale: 'warn',
  recovering: 'warn',
  failed: 'stop',
} as const

function Sensors({ now }: { now: AgentStatus }) {
  if (now.sensors.length === 0) return null
  const rates = (now.parts.rates ?? {}) as Rates
  const errors = now.sensors.filter(({ lastError }) => lastError)
  return (
    <Card title="Sensors" flush>
      <Table
        caption="Sensors"
        rows={now.sensors}
        keyOf={({ id }) => id}
        columns={[
          { head: 'Sensor', names: true, cell: ({ id }) => id },
          { head: 'State', cell: ({ state }) => <Pill level={LEVELS[state]}>{state}</Pill> },
          { head: 'Kind', cell: ({ kind, bus }) => `${kind} on ${bus}` },
          { head: 'Frames', figure: true, cell: ({ frames }) => count(frames) },
          {
            head: 'Per second',
            figure: true,
            cell: ({ id }) => count(rateOf(rates[id])),
          },
          { head: 'Readings', figure: true, cell: ({ readings }) => count(readings) },
          {
            head: 'Lost',
            figure: true,
            cell: ({ dropped }) => count(Object.values(dropped).reduce((a, b) => a + (b ?? 0), 0)),
          },
          { head: 'Last data', figure: true, cell: (s) => ago(s.lastDataUs, now.nowUs) },
        ]}
      />
      {errors.map(({ id, lastError }) => (
        <Problem key={id} error={lastError!} />
      ))}
    </Card>
  )
}

/** A sensor delivers frames, or readings of its own. */
function rateOf(rate: SensorRate | undefined): number {
  return rate ? rate.framesPerSec || rate.readingsPerSec : 0
}
