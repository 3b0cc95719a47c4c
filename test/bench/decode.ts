// Frames/s decoded, every signal of mixed messages, beside the one DBC decoder on npm.
import { existsSync, readFileSync } from 'node:fs'
import { Can, Dbc } from 'candied'
import { randomOf } from '../../models/training/random.ts'
import type { DbcMessage } from '../../sensors/dbc/database.ts'
import { DatabaseSet } from '../../sensors/dbc/database-set.ts'
import { Decoder } from '../../sensors/dbc/decoder.ts'
import { parseDbc } from '../../sensors/dbc/parse.ts'
import { FRAME_EXT, FRAME_STRIDE, FrameBatch } from '../../sensors/frame.ts'
import { ReadingBatch, SignalCatalog } from '../../sensors/reading.ts'
import { type BenchRow, median } from './bench.ts'

const SHARED = new URL('../../../shared/data/can/dbc/', import.meta.url)
/** Cars of five makers, a radar and a battery: what a gateway's bus carries. */
const SHARED_FILES = [
  'cantools/abs.dbc',
  'opendbc/acura_ilx_2016_nidec.dbc',
  'opendbc/cadillac_ct6_powertrain.dbc',
  'opendbc/ESR.dbc',
  'opendbc/ford_fusion_2018_pt.dbc',
  'opendbc/nissan_leaf_2018.dbc',
  'savvycan/bms.dbc',
]
const OWN_FILES = ['../sensors/dbc/cases/orders/orders.dbc', '../sensors/dbc/cases/mux/mux.dbc']

const FRAMES = 16_384
const ROUNDS = 7
/** Passes over all frames per round: ours is so quick that one pass is too short to time. */
const OUR_PASSES = 40
/** Steps of the heap measurement, and candied's frames in one of them. */
const HEAP_STEPS = 201
const PEER_STEP = 64
const SEED = 20_240_917

/** The frames of one kind of run: ours in batches, candied's as its own frame objects. */
interface Load {
  readonly batches: readonly FrameBatch[]
  readonly peers: readonly [can: Can, frame: ReturnType<Can['createFrame']>][]
  readonly sets: readonly DatabaseSet[]
}

export async function bench(): Promise<BenchRow[]> {
  const shared = existsSync(SHARED)
  if (!shared)
    console.error(`${SHARED_FILES.length} real DBC files not found; own fixtures instead`)
  const files = shared
    ? SHARED_FILES.map((file) => new URL(file, SHARED))
    : OWN_FILES.map((file) => new URL(file, import.meta.url))
  const load = prepare(files)
  const decoder = new Decoder(load.sets, new SignalCatalog())
  const out = new ReadingBatch()
  let readings = 0
  const full = (batch: ReadingBatch): void => {
    readings += batch.count
    batch.count = 0
  }
  const ours = (passes: number): void => {
    for (let pass = 0; pass < passes; pass++) {
      for (const batch of load.batches) decoder.decode(batch, out, full)
    }
  }
  const theirs = (): void => {
    for (const [can, frame] of load.peers) can.decode(frame)
  }

  ours(OUR_PASSES)
  theirs()
  const ourRates: number[] = []
  const theirRates: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ourRates.push(rate(() => ours(OUR_PASSES), FRAMES * OUR_PASSES))
    theirRates.push(rate(theirs, FRAMES))
  }
  const ourBytes = bytesPerFrame((i) => {
    const batch = load.batches[i % load.batches.length]
    decoder.decode(batch, out, full)
    return batch.count
  })
  const theirBytes = bytesPerFrame((i) => {
    const from = (i * PEER_STEP) % FRAMES
    for (let k = from; k < from + PEER_STEP; k++) load.peers[k][0].decode(load.peers[k][1])
    return PEER_STEP
  })
  if (decoder.unknown + decoder.short > 0 || readings === 0) {
    throw new Error(
      `not every frame was decoded: ${decoder.unknown} unknown, ${decoder.short} short`,
    )
  }
  const peer = 'candied'
  const [a, b] = [median(ourRates), median(theirRates)]
  return [
    { name: 'DBC decode, every signal', unit: 'frames/s', ours: a, peer, theirs: b, ratio: a / b },
    {
      name: 'DBC decode, heap allocated per frame',
      unit: 'B/frame',
      ours: ourBytes,
      peer,
      theirs: theirBytes,
      // Nothing at all would be an infinite ratio: ours counts as one byte at least.
      ratio: theirBytes / Math.max(ourBytes, 1),
    },
  ]
}

function prepare(files: readonly URL[]): Load {
  const random = randomOf(SEED)
  const sets: DatabaseSet[] = []
  const cans: Can[] = []
  const kinds: { bus: number; message: DbcMessage }[] = []
  for (const [bus, file] of files.entries()) {
    const text = readFileSync(file, 'latin1')
    const set = new DatabaseSet([parseDbc(text, file.pathname)])
    sets.push(set)
    cans.push(peerOf(text))
    for (const message of set.messages) {
      if (message.signals.length === 0 || message.length > 8) continue
      // Only what both can decode: candied does not find every extended identifier.
      const frame = cans[bus].createFrame(
        message.id,
        new Array(message.length).fill(0),
        message.ext,
      )
      if (cans[bus].decode(frame)) kinds.push({ bus, message })
    }
  }
  const batches: FrameBatch[] = []
  const peers: Load['peers'][number][] = []
  for (let i = 0; i < FRAMES; i++) {
    let batch = batches.at(-1)
    if (!batch || batch.full) batches.push((batch = new FrameBatch()))
    const { bus, message } = kinds[Math.floor(random() * kinds.length)]
    const slot = batch.count++
    const payload = Array.from({ length: message.length }, () => Math.floor(random() * 256))
    batch.timeUs[slot] = 1_700_000_000_000_000 + i * 125
    batch.bus[slot] = bus
    batch.id[slot] = message.id
    batch.flags[slot] = message.ext ? FRAME_EXT : 0
    batch.length[slot] = message.length
    batch.data.set(payload, slot * FRAME_STRIDE)
    peers.push([cans[bus], cans[bus].createFrame(message.id, payload, message.ext)])
  }
  return { batches, peers, sets }
}

function peerOf(text: string): Can {
  const can = new Can()
  can.database = new Dbc().load(text)
  return can
}

function rate(run: () => void, frames: number): number {
  const start = performance.now()
  run()
  return (frames / (performance.now() - start)) * 1000
}

/**
 * Heap growth per frame, in steps too short for a collection to hide any: the median of many, less
 * what looking at the heap takes itself.
 */
function bytesPerFrame(step: (i: number) => number): number {
  const grown = (run: (i: number) => number): number => {
    const growths: number[] = []
    for (let i = 0; i < HEAP_STEPS; i++) {
      const before = process.memoryUsage().heapUsed
      const frames = run(i)
      growths.push((process.memoryUsage().heapUsed - before) / frames)
    }
    return median(growths)
  }
  const frames = step(0)
  return Math.max(0, grown(step) - grown(() => frames))
}
