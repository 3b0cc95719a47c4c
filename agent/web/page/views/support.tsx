import { useState } from 'preact/hooks'
import type { Complaint } from '../../../error.ts'
import type { SupportEntry } from '../../../support/archive.ts'
import { askRaw, complaintOf } from '../ask.ts'
import { bytes, count, many } from '../format.ts'
import { Card, Empty, Head, Problem } from '../parts/card.tsx'
import { Table } from '../parts/table.tsx'
import { usePoll } from '../poll.ts'

const EVERY_MS = 60_000

/** An archive for those who help from afar; what is in it is shown first. */
export function Support() {
  const { data, error } = usePoll<SupportEntry[]>('/bundle/list', EVERY_MS)
  const [busy, setBusy] = useState(false)
  const [saved, setSaved] = useState('')
  const [failure, setFailure] = useState<Complaint>()
  const entries = data ?? []
  const sum = (of: (entry: SupportEntry) => number): number =>
    entries.reduce((total, entry) => total + of(entry), 0)
  const download = async (): Promise<void> => {
    setBusy(true)
    setSaved('')
    setFailure(undefined)
    try {
      setSaved(await save(await askRaw('/bundle')))
    } catch (problem) {
      setFailure(complaintOf(problem))
    }
    setBusy(false)
  }
  return (
    <>
      <Head title="Support">
        An archive for those who help from afar, with secrets and positions taken out of it.
      </Head>
      {error && !data && <Problem error={error} />}
      <Card title="Support bundle">
        <p>
          {data
            ? `${many(entries.length, 'file')}, ${bytes(sum((entry) => entry.bytes))}. Taken out: ${many(
                sum((entry) => entry.secrets),
                'secret',
              )}, ${many(
                sum((entry) => entry.positions),
                'position',
              )}.`
            : 'Collecting what it would hold.'}
        </p>
        <div class="row">
          <button
            type="button"
            class="button main"
            disabled={!data || busy}
            onClick={() => void download()}
          >
            {busy ? 'Making it' : 'Download'}
          </button>
          <p role="status">{saved && `Saved as ${saved}.`}</p>
        </div>
        {failure && <Problem error={failure} />}
      </Card>
      <Card title="What is in it" flush>
        {data && entries.length === 0 && <Empty title="Nothing" />}
        {entries.length > 0 && (
          <Table
            caption="Files of the support bundle"
            rows={entries}
            keyOf={({ name }) => name}
            columns={[
              { head: 'File', names: true, cell: ({ name }) => <code>{name}</code> },
              { head: 'What', cell: ({ what }) => what },
              { head: 'Size', figure: true, cell: (entry) => bytes(entry.bytes) },
              { head: 'Secrets out', figure: true, cell: ({ secrets }) => count(secrets) },
              { head: 'Positions out', figure: true, cell: ({ positions }) => count(positions) },
            ]}
          />
        )}
      </Card>
    </>
  )
}

/** Hands an answer to the browser as a file; a plain link could not bring the token along. */
async function save(response: Response): Promise<string> {
  const named = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')
  const name = named?.[1] ?? 'milepost-support.tar.gz'
  const address = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
  return name
}
