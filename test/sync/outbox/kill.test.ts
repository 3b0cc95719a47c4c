import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { randomOf } from '../../../models/training/random.ts'
import { LANES } from '../../../sync/record.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { until } from '../../support/until.ts'
import { openOutbox, readAll } from '../support.ts'

const KILLS = Number(process.env.KILLS ?? 6)
const SEED = Number(process.env.SEED ?? 20261123)

test(`a writer is killed ${KILLS} times under load, and all it had said to be kept is there`, async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const path = join(tempDir(t), 'o.db')
  const random = randomOf(SEED)
  const kept = new Map<number, string>()
  const released = { critical: 0, events: 0, telemetry: 0 }
  /** What a writer tried last, and never came to say whether it was kept. */
  let open = { first: 1, lanes: '' }
  const keep = () => {
    for (let i = 0; i < open.lanes.length; i++) {
      assert.ok(!kept.has(open.first + i), `seq ${open.first + i} was given twice`)
      kept.set(open.first + i, open.lanes[i])
    }
    open = { first: open.first + open.lanes.length, lanes: '' }
  }
  /** A kill leaves a transaction whole or not at all: the next number tells which. */
  const goOnAt = (seq: number) => {
    if (seq !== open.first) keep()
    assert.equal(seq, open.first, 'numbers go on where the last transaction ended')
  }
  for (let run = 0; run < KILLS; run++) {
    const before = kept.size
    for (const line of await killed(path, run, 20 + random() * 300)) {
      const [word, first, second] = line.split(' ')
      if (word === 'release') released[first as 'events'] = Number(second)
      else if (word === 'tries') {
        goOnAt(Number(first))
        open.lanes = second
      } else {
        assert.deepEqual(
          [Number(first), Number(second)],
          [open.first, open.first + open.lanes.length - 1],
        )
        keep()
      }
    }
    assert.ok(kept.size > before, 'the writer never came to write')
  }
  const outbox = openOutbox(t, { path })
  goOnAt(outbox.seq + 1)
  const rows = readAll(outbox)
  const here = new Map(rows.map((row) => [row.seq, row.lane]))
  for (const [seq, initial] of kept) {
    const lane = LANES.find((name) => name.startsWith(initial))!
    if (seq > released[lane]) assert.equal(here.get(seq), lane, `seq ${seq} is lost`)
  }
  assert.equal(kept.size, outbox.seq)
  for (const { seq } of rows) assert.ok(kept.has(seq), `seq ${seq} was never given`)
  for (const lane of LANES) {
    const chain = rows.filter((row) => row.lane === lane)
    for (let i = 1; i < chain.length; i++) assert.equal(chain[i].prev, chain[i - 1].seq)
    assert.equal(outbox.stat().lanes[lane].records, chain.length)
  }
})

/** Lets a writer run until so long after its first transaction, kills it, and answers what it said. */
async function killed(path: string, seed: number, afterMs: number): Promise<string[]> {
  const file = fileURLToPath(new URL('./writer.ts', import.meta.url))
  const child = spawn(process.execPath, [...TYPESCRIPT, file, path, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  const ended = once(child, 'close')
  await until('a first transaction', () => said.includes('kept'))
  await sleep(afterMs)
  child.kill('SIGKILL')
  await ended
  // A last line that was cut in the middle says nothing.
  return said.split('\n').slice(0, -1)
}
