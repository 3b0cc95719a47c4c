import assert from 'node:assert/strict'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { randomOf } from '../../../models/training/random.ts'
import { Outbox } from '../../../sync/outbox/outbox.ts'
import { LANES, type Lane } from '../../../sync/record.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { ledgerOf, openOutbox, readAll, record, SMALL, textOf } from '../support.ts'

const PAGE = 4096
/** The first pages hold the schema and what is set aside for a full disk. */
const FIRST_ROWS = 275

function filled(path: string): { epoch: string; texts: Map<Lane, string[]> } {
  const outbox = Outbox.open({ path, vehicle: 'v1', bootId: 'old-boot', limits: SMALL })
  const texts = new Map<Lane, string[]>(LANES.map((lane) => [lane, []]))
  for (let i = 0, batch = []; i < 3000; i++) {
    const lane = LANES[i % 3]
    const text = JSON.stringify({ i, x: 'x'.repeat(i % 97 === 0 ? 6000 : 200) })
    texts.get(lane)!.push(text)
    batch.push(record(lane, text, { timeUs: i }))
    if (batch.length === 30) outbox.append(batch.splice(0))
  }
  outbox.close()
  return { epoch: outbox.epoch, texts }
}

function salvaged(t: TestContext, path: string): Outbox {
  const outbox = openOutbox(t, { path })
  while (outbox.salvaging) outbox.tend()
  return outbox
}

function tear(path: string, from: number, pages: number, byte = 0x5a): void {
  const bytes = readFileSync(path)
  bytes.fill(byte, from * PAGE, (from + pages) * PAGE)
  writeFileSync(path, bytes)
}

/** Each record that is there is one that was given, once and in order; answers how many. */
function checked(outbox: Outbox, texts: Map<Lane, string[]>): number {
  let kept = 0
  for (const lane of LANES) {
    const rows = readAll(outbox).filter((row) => row.lane === lane)
    const ours = rows.filter(({ type }) => type === 'milepost.test.v1')
    let at = -1
    for (const row of ours) {
      const next = texts.get(lane)!.indexOf(textOf(row), at + 1)
      assert.ok(next > at, `${lane} ${row.seq} is none that was given, or comes twice`)
      assert.equal(row.bootId, 'old-boot')
      at = next
    }
    kept += ours.length
  }
  return kept
}

test('one torn page costs its records, the others go on, and the ledger balances', (t) => {
  const path = join(tempDir(t), 'o.db')
  const { epoch, texts } = filled(path)
  tear(path, 400, 1)
  const outbox = salvaged(t, path)
  const kept = checked(outbox, texts)
  assert.ok(kept > 2900 && kept < 3000, `${kept} kept`)
  const told = ledgerOf(readAll(outbox)).filter((entry) => entry.lane !== null)
  const sum = (cause: string) =>
    told.filter((e) => e.cause === cause && e.epoch === epoch).reduce((n, e) => n + e.count!, 0)
  assert.equal(sum('salvaged'), kept)
  assert.equal(sum('salvaged') + sum('corrupt'), 3000)
})

test('a lost first page is made good: its tables lie where those of every outbox lie', (t) => {
  const path = join(tempDir(t), 'o.db')
  const { texts } = filled(path)
  tear(path, 0, 1, 0)
  assert.equal(checked(salvaged(t, path), texts), 3000)
})

test('a file cut in half gives what is in its first half', (t) => {
  const path = join(tempDir(t), 'o.db')
  const { texts } = filled(path)
  const pages = readFileSync(path).length / PAGE
  truncateSync(path, Math.floor((pages + FIRST_ROWS) / 2) * PAGE)
  const kept = checked(salvaged(t, path), texts)
  assert.ok(kept > 1000 && kept < 2000, `${kept} kept`)
})

test('torn at random, by a seed: whatever comes back was given, once, in order', (t) => {
  const seed = Number(process.env.SEED ?? 5)
  t.diagnostic(`SEED=${seed}`)
  const random = randomOf(seed)
  for (let run = 0; run < 8; run++) {
    const path = join(tempDir(t), 'o.db')
    const { texts } = filled(path)
    const pages = readFileSync(path).length / PAGE
    for (let i = 0; i < 6; i++) {
      tear(
        path,
        FIRST_ROWS + Math.floor(random() * (pages - FIRST_ROWS)),
        1,
        Math.floor(random() * 256),
      )
    }
    checked(salvaged(t, path), texts)
  }
})

test('a salvage that is broken off goes on at the next start and takes nothing twice', (t) => {
  const path = join(tempDir(t), 'o.db')
  const { texts } = filled(path)
  tear(path, 400, 1)
  const first = Outbox.open({ path, vehicle: 'v1', bootId: 'b', limits: SMALL })
  // Its own time is short enough that this file would be done in one go: so break off before it.
  assert.ok(first.salvaging)
  first.close()
  const again = salvaged(t, path)
  assert.ok(checked(again, texts) > 2900)
  assert.equal(again.salvaging, false)
})

test('text instead of a database leaves nothing to salvage, and that is no failure', (t) => {
  const path = join(tempDir(t), 'o.db')
  writeFileSync(path, 'not a database at all '.repeat(5000))
  const outbox = salvaged(t, path)
  assert.equal(ledgerOf(readAll(outbox))[0].cause, 'corrupt')
  assert.equal(outbox.append([record('events', 'goes on')]).last, outbox.seq)
})
