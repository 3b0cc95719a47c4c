import { useState } from 'preact/hooks'
import type { Finding, Verdict } from '../../../doctor/finding.ts'
import type { Level } from '../answers.ts'
import { many } from '../format.ts'
import { Card, Empty, Head, Pill, Problem } from '../parts/card.tsx'
import { prose } from '../parts/prose.tsx'
import { usePoll } from '../poll.ts'

const EVERY_MS = 30_000
const LEVELS: Readonly<Record<Verdict, Level>> = {
  broken: 'stop',
  trouble: 'warn',
  note: 'quiet',
  ok: 'fine',
}

/** Each check with its finding, and the command that mends it. */
export function Doctor() {
  const { data, error, again } = usePoll<Finding[]>('/doctor', EVERY_MS)
  const findings = data ?? []
  const bad = findings.filter(({ verdict }) => verdict === 'broken' || verdict === 'trouble')
  const rest = findings.filter(({ verdict }) => verdict === 'note' || verdict === 'ok')
  return (
    <>
      <Head title="Doctor">
        {data
          ? `${many(findings.length, 'finding')}; ${bad.length ? `${many(bad.length, 'needs', 'need')} something done, the cause before what follows from it` : 'nothing needs mending'}.`
          : 'Looking at everything: this takes a few seconds.'}
      </Head>
      <div class="row">
        <button type="button" class="button" onClick={again}>
          Look again
        </button>
      </div>
      {error && !data && <Problem error={error} />}
      {bad.length > 0 && (
        <Card title="To mend" flush>
          <Findings findings={bad} />
        </Card>
      )}
      {data && (
        <Card title="Looked at" flush>
          {rest.length === 0 ? <Empty title="Nothing else" /> : <Findings findings={rest} />}
        </Card>
      )}
    </>
  )
}

function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <ol class="findings">
      {findings.map(({ check, verdict, code, finding, next, command }) => (
        <li key={`${check} ${code} ${finding}`}>
          <div class="row">
            <Pill level={LEVELS[verdict]}>{verdict}</Pill>
            <h3>{check}</h3>
          </div>
          <p>{prose(finding)}</p>
          {next && (
            <p>
              <strong>Next:</strong> {prose(next)}
            </p>
          )}
          {command && <Command text={command} />}
        </li>
      ))}
    </ol>
  )
}

/** A command to type on the gateway. */
function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false)
  // Only where the page came over TLS or from this machine may it reach the clipboard.
  const canCopy = 'clipboard' in navigator
  return (
    <div class="command">
      <code>{text}</code>
      {canCopy && (
        <button
          type="button"
          class="button"
          onClick={() =>
            void navigator.clipboard.writeText(text).then(
              () => setCopied(true),
              () => {},
            )
          }
        >
          {copied ? 'Copied' : 'Copy'}
          <span class="unseen">: {text}</span>
        </button>
      )}
    </div>
  )
}
