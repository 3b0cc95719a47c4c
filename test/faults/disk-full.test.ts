import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LANES } from '../../sync/record.ts'
import { Sync } from '../../sync/sync-thread.ts'
import { smallDisk, takeAll } from '../support/small-disk.ts'
import { ledgerOf, openOutbox, readAll, record } from '../sync/support.ts'

/** How long the disk stays full: `SECONDS=600` is the long run. */
const SECONDS = Number(process.env.SECONDS ?? 4)
const TICK_MS = 20
const PER_TICK = { critical: 1, events: 4, telemetry: 40 }

test(`64 MiB filled to the last byte for ${SECONDS} s under load: alarms are kept, the rest is told`, async (t) => {
  const disk = smallDisk(t, 64 * 1024)
  if (!disk) return
  const path = join(disk, 'o.db')
  const uplink = { kind: 'none' as const }
  const sync = await Sync.start({ outbox: { path, vehicle: 'v1', bootId: 'b' }, uplink })
  t.after(() => sync.close())
  const given = { critical: 0, events: 0, telemetry: 0 }
  let longestAppendMs = 0
  const tick = () => {
    const startMs = performance.now()
    for (const lane of LANES) {
      for (let i = 0; i < PER_TICK[lane]; i++) {
        sync.append(record(lane, `${given[lane]++}`.padEnd(lane === 'critical' ? 100 : 600)))
      }
    }
    longestAppendMs = Math.max(longestAppendMs, performance.now() - startMs)
  }
  for (let i = 0; i < 50; i++) {
    tick()
    await sleep(TICK_MS)
  }
  const endMs = performance.now() + SECONDS * 1000
  while (performance.now() < endMs) {
    // Whoever it is takes every byte again that comes free.
    takeAll(disk)
    tick()
    await sleep(TICK_MS)
  }
  await sync.flush()
  const full = sync.status().outbox
  assert.equal(full.state, 'disk-full')
  rmSync(join(disk, 'hog'))
  await sync.close()
  const outbox = openOutbox(t, { path })
  const rows = readAll(outbox)
  const told = ledgerOf(rows)
  for (const lane of LANES) {
    const kept = rows.filter((row) => row.lane === lane && row.type === 'milepost.test.v1').length
    const lost = told
      .filter((entry) => entry.lane === lane && entry.cause !== 'folded')
      .reduce((sum, { count }) => sum + count!, 0)
    t.diagnostic(`${lane}: ${given[lane]} given, ${kept} kept, ${lost} in the ledger`)
    assert.equal(kept + lost, given[lane], lane)
    if (lane === 'critical') assert.equal(kept, given.critical)
  }
  assert.ok(
    told.some(({ lane }) => lane === 'telemetry'),
    'the disk was never a matter',
  )
  t.diagnostic(`the longest append of ${PER_TICK.telemetry} records took ${longestAppendMs} ms`)
})
