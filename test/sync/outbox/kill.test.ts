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
import { openOutbox, readAll } from '../support.ts'

const KILLS = Number(process.env.KILLS ?? 6)
const SEED = Number(process.env.SEED ?? 20261123)

test(`a writer is killed ${KILLS} times under load, and all it had said to be kept is there`, async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const path = join(tempDir(t), 'o.db')
  const random = randomOf(SEED)
  const kept = new Map<number, string>()
  const released = { critical: 0, events: 0, telemetry: 0 }
  for (let run = 0; run < KILLS; run++) {
    const before = kept.size
    for (const line of await killed(path, run, 20 + random() * 300)) {
      const [first, last, lanes] = line.split(' ')
      if (first === 'release') {
        released[last as 'events'] = Number(lanes)
        continue
      }
      assert.equal(lanes.length, Number(last) - Number(first) + 1)
      for (let i = 0; i < lanes.length; i++) {
        const seq = Number(first) + i
        assert.ok(!kept.has(seq), `seq ${seq} was given twice`)
        kept.set(seq, lanes[i])
      }
    }
    assert.ok(kept.size > before, 'the writer never came to write')
  }
  const outbox = openOutbox(t, { path })
  const rows = readAll(outbox)
  const here = new Map(rows.map((row) => [row.seq, row.lane]))
  for (const [seq, initial] of kept) {
    const lane = LANES.find((name) => name.startsWith(initial))!
    if (seq > released[lane]) assert.equal(here.get(seq), lane, `seq ${seq} is lost`)
  }
  // Dense: what is neither said nor here was never given.
  const seqs = new Set([...kept.keys(), ...here.keys()])
  assert.equal(seqs.size, outbox.seq)
  for (const lane of LANES) {
    const chain = rows.filter((row) => row.lane === lane)
    for (let i = 1; i < chain.length; i++) assert.equal(chain[i].prev, chain[i - 1].seq)
    assert.equal(outbox.stat().lanes[lane].records, chain.length)
  }
})

/** Lets a writer run until so long after its first word, kills it, and answers what it said. */
async function killed(path: string, seed: number, afterMs: number): Promise<string[]> {
  const file = fileURLToPath(new URL('./writer.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file, path, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  await sleep(afterMs)
  child.kill('SIGKILL')
  await ended
  // The last line may be cut in the middle.
  return said.split('\n').slice(0, -1)
}
