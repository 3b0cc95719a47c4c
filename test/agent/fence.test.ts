import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { Channels } from '../../agent/channels.ts'
import type { Campaign } from '../../agent/collection/campaign.ts'
import { Fence } from '../../agent/fence.ts'
import { Pipeline } from '../../agent/pipeline.ts'
import { FrameBatch } from '../../sensors/frame.ts'
import { IsoTpLink } from '../../sensors/isotp/link.ts'
import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'

const fenceTo = (lines: string[]) =>
  new Fence(pino({ base: undefined }, { write: (line: string) => lines.push(line) }))
const boom = (what: string) => (): never => {
  throw new Error(what)
}

test('a campaign or model that throws is counted by its name, the others go on', () => {
  const lines: string[] = []
  const fence = fenceTo(lines)
  let seen = 0
  const bad = { config: { id: 'bad' }, observe: boom('c'), tick: boom('t') }
  const good = { config: { id: 'good' }, observe: () => seen++, tick: () => seen++ }
  const decoder = { decode: boom('d') }
  const pipeline = new Pipeline({
    catalog: new SignalCatalog(),
    decoder,
    campaigns: [bad, good] as unknown as Campaign[],
    observers: [{ name: 'model m', observe: boom('m') }, { observe: () => seen++ }],
    keep: () => {},
    caught: fence.caught,
  })
  const batch = new ReadingBatch(1)
  pipeline.readings(batch)
  pipeline.readings(batch)
  pipeline.tick(1)
  pipeline.frames(new FrameBatch(1))
  assert.equal(seen, 5)
  assert.deepEqual(
    fence.status().map(({ cause, count, lastError }) => [cause, count, lastError.message]),
    [
      ['campaign bad', 3, 't'],
      ['model m', 2, 'm'],
      ['decoder', 1, 'd'],
    ],
  )
  assert.equal(lines.length, 3, 'the first of each is logged')
})

test('a listener that throws is caught where frames are given out, its neighbours hear them', () => {
  const fence = fenceTo([])
  const channels = new Channels((bus) => ({ name: `can${bus}`, send: [], reads: [] }), fence.caught)
  let heard = 0
  const bus = channels.of(0)
  bus.onFrame([{ id: 1 }], boom('listener'))
  bus.onFrame([{ id: 1 }], () => heard++)
  const batch = new FrameBatch(1)
  batch.count = 1
  batch.id[0] = 1
  channels.route(batch)
  assert.equal(heard, 1)
  assert.deepEqual(
    fence.status().map(({ cause, count }) => [cause, count]),
    [['listener on can0', 1]],
  )
})

test('an ISO-TP link tells its bus of an error in a timer instead of throwing it', async () => {
  const fence = fenceTo([])
  const sends = [{ id: 0x7e0 }]
  const channels = new Channels(() => ({ name: 'can0', send: sends, reads: [] }), fence.caught)
  const bus = channels.of(0)
  bus.offer(() => {})
  let nowUs = 0
  const clock = { nowUs: () => nowUs, monoUs: () => nowUs }
  const address = { txId: 0x7e0, rxId: 0x7e8, ext: false }
  const link = new IsoTpLink(bus, address, clock, { message: () => {}, fault: boom('callee') })
  const first = new FrameBatch(1)
  first.count = 1
  first.id[0] = 0x7e8
  first.length[0] = 8
  first.data.set([0x10, 20, 1, 2, 3, 4, 5, 6])
  channels.route(first)
  assert.ok(link.receiving)
  nowUs = 60_000_000
  while (fence.status().length === 0) await sleep(10)
  assert.equal(fence.status()[0].cause, 'listener on can0')
  assert.equal(fence.status()[0].lastError.message, 'callee')
  link.close()
})

test('every cause has its count, up to a bound', () => {
  const fence = fenceTo([])
  for (let i = 0; i < 1000; i++) fence.run(`part ${i}`, boom('x'))
  assert.equal(fence.status().length, 257)
  assert.deepEqual(fence.status().at(-1)?.count, 744)
})
