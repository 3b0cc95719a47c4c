import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { randomOf } from '../../../models/training/random.ts'
import { LANES } from '../../../sync/record.ts'
import { RelayStore } from '../../../sync/relay/store.ts'
import { exportRecords } from '../../../sync/transfer/export.ts'
import { importRecords } from '../../../sync/transfer/import.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { ledgerOf, openOutbox, readAll, record } from '../support.ts'

function filled(t: Parameters<typeof openOutbox>[0], path: string, count = 2500) {
  const outbox = openOutbox(t, { path })
  const random = randomOf(7)
  const batch = Array.from({ length: count }, (_, i) => {
    const binary = Uint8Array.from({ length: 50 }, () => Math.floor(random() * 256))
    const payload = i % 5 === 0 ? binary : `{"häß":${i}}`
    return record(LANES[i % 3], payload, { timeUs: i, monoUs: i / 2 })
  })
  outbox.append(batch)
  return outbox
}

for (const name of ['records.jsonl', 'records.gz']) {
  test(`what is exported (${name}) is imported, byte for byte, once`, async (t) => {
    const folder = tempDir(t)
    const outbox = filled(t, join(folder, 'o.db'))
    const file = join(folder, name)
    const exported = await exportRecords(outbox, file, 1)
    assert.equal(exported.records, 2500)
    assert.ok(!existsSync(`${file}.part`))
    const store = RelayStore.open(join(folder, 'relay.db'))
    t.after(() => store.close())
    const first = await importRecords(store, file)
    assert.deepEqual([first.kept, first.duplicates], [2500, 0])
    const again = await importRecords(store, file)
    assert.deepEqual([again.kept, again.duplicates], [0, 2500])
    assert.deepEqual(again.positions, exported.positions)
    const { vehicle, epoch } = outbox
    for (const lane of LANES) {
      const relayed = store.read(lane, 0, 1e6, 1e9)
      assert.deepEqual(
        relayed.map((each) => each.record),
        readAll(outbox).filter((row) => row.lane === lane),
      )
      for (const { origin } of relayed) assert.deepEqual(origin, { vehicle, epoch })
    }
  })
}

test('a later export brings only what is new', async (t) => {
  const folder = tempDir(t)
  const outbox = filled(t, join(folder, 'o.db'), 30)
  const store = RelayStore.open(join(folder, 'relay.db'))
  t.after(() => store.close())
  const file = join(folder, 'x')
  await exportRecords(outbox, file, 1)
  await importRecords(store, file)
  outbox.append([record('events', 'more')])
  await exportRecords(outbox, file, 2)
  const { kept, duplicates } = await importRecords(store, file)
  assert.deepEqual([kept, duplicates], [1, 30])
})

test('what is handed over leaves the outbox, and the ledger says so by lane and seq', async (t) => {
  const folder = tempDir(t)
  const outbox = filled(t, join(folder, 'o.db'), 30)
  const { positions } = await exportRecords(outbox, join(folder, 'x'), 1)
  outbox.append([record('telemetry', 'came meanwhile')])
  outbox.surrender(positions, 'by hand')
  const left = readAll(outbox)
  assert.deepEqual(
    ledgerOf(left).map(({ cause, lane, firstSeq, lastSeq, count }) => [
      cause,
      lane,
      firstSeq,
      lastSeq,
      count,
    ]),
    [
      ['exported', 'critical', 1, 28, 10],
      ['exported', 'events', 2, 29, 10],
      ['exported', 'telemetry', 3, 30, 10],
    ],
  )
  assert.equal(left.length, 2)
  assert.equal(outbox.stat().lanes.telemetry.records, 1)
})

test('a folder and a file that is not there are no export', async (t) => {
  const folder = tempDir(t)
  const store = RelayStore.open(join(folder, 'relay.db'))
  t.after(() => store.close())
  for (const file of [folder, join(folder, 'none')]) {
    await assert.rejects(importRecords(store, file), { code: 'EXPORT_INVALID' }, file)
  }
})

test('a file that is not whole is refused before anything of it is taken', async (t) => {
  const folder = tempDir(t)
  const outbox = filled(t, join(folder, 'o.db'), 40)
  const store = RelayStore.open(join(folder, 'relay.db'))
  t.after(() => store.close())
  const file = join(folder, 'x.gz')
  await exportRecords(outbox, file, 1)
  const zipped = readFileSync(file)
  const plain = gunzipSync(zipped)
  const lines = plain.toString().split('\n')
  const flipped = Buffer.from(plain)
  flipped[plain.indexOf('"payload":') + 12] ^= 1
  const broken: Record<string, Buffer> = {
    'cut gzip': zipped.subarray(0, zipped.length - 40),
    'cut text': plain.subarray(0, plain.length - 100),
    'no end': Buffer.from(`${lines.slice(0, -2).join('\n')}\n`),
    'a line less': Buffer.from(lines.toSpliced(7, 1).join('\n')),
    'a flipped bit': flipped,
    'something after': Buffer.concat([plain, Buffer.from('{}\n')]),
    empty: Buffer.alloc(0),
    'another file': Buffer.from('{"hello":1}\n'),
  }
  for (const [what, bytes] of Object.entries(broken)) {
    writeFileSync(file, bytes)
    await assert.rejects(importRecords(store, file), { code: 'EXPORT_INVALID' }, what)
    assert.equal(store.stat().vehicles, 0, what)
  }
})
