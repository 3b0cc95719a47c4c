// Eight buses at a full 1 Mbit/s each: what reading, decoding, sampling and keeping them takes of a core.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Can, Dbc } from 'candied'
import { makeCampaign } from '../../agent/collection/make-campaign.ts'
import { parseConfig } from '../../agent/config/load.ts'
import { Pipeline } from '../../agent/pipeline.ts'
import { DatabaseSet } from '../../sensors/dbc/database-set.ts'
import { Decoder } from '../../sensors/dbc/decoder.ts'
import { parseDbc } from '../../sensors/dbc/parse.ts'
import { FRAME_EXT, FRAME_STRIDE, FrameBatch } from '../../sensors/frame.ts'
import { SignalCatalog } from '../../sensors/reading.ts'
import { Vehicle } from '../../sensors/simulator/vehicle.ts'
import { VehicleBus } from '../../sensors/simulator/vehicle-bus.ts'
import { VEHICLE_DBC } from '../../sensors/simulator/vehicle-dbc.ts'
import { Sync } from '../../sync/sync-thread.ts'
import type { BenchRow } from './bench.ts'

const BUSES = 8
/** Of one bus: 1 Mbit/s in frames of 8 bytes with 11-bit identifiers, stuff bits included. */
const FRAMES_PER_SECOND = 8000
const TICK_MS = 10
const FRAMES_PER_TICK = (FRAMES_PER_SECOND * TICK_MS) / 1000
/** Recorded of each bus, and played again and again. */
const RECORDED_TICKS = 200
const WARM_UP_SECONDS = 2
const SECONDS = 8
/** The peer cannot keep up in real time: it does so many frames as fast as it goes. */
const PEER_TICKS = 60
const SAMPLE_EVERY_MS = 1000

type Keep = (content: Record<string, unknown>, timeUs: number) => void

export async function bench(): Promise<BenchRow[]> {
  const texts = Array.from({ length: BUSES }, (_, bus) => textOf(bus))
  const recorded = texts.map((_, bus) => record(bus))
  const ours = await kept((sync) => throughMilepost(texts, recorded, sync))
  const theirs = await kept((sync) => throughObjects(texts, recorded, sync))
  console.error(`  ${ours.told}`)
  const name = `${BUSES} buses, ${(BUSES * FRAMES_PER_SECOND) / 1000}k frames/s, to disk`
  return [
    {
      name,
      unit: '% of a core',
      ours: ours.percent,
      peer: 'candied and an object per reading',
      theirs: theirs.percent,
      ratio: theirs.percent / ours.percent,
    },
  ]
}

/** Each bus has messages of its own, as eight buses of one vehicle have. */
function textOf(bus: number): string {
  return readFileSync(VEHICLE_DBC, 'latin1').replace(/^BO_ (\d+) /gm, `BO_ $1 Bus${bus}_`)
}

/** Frames of a simulated drive, in the batches that a sensor would hand over every tick. */
function record(bus: number): FrameBatch[] {
  const vehicle = new VehicleBus(new Vehicle({ seed: bus + 1, profile: 'mixed', faults: [] }), bus)
  const step = new FrameBatch(vehicle.maxFramesPerStep)
  let at = 0
  return Array.from({ length: RECORDED_TICKS }, () => {
    const batch = new FrameBatch(FRAMES_PER_TICK)
    batch.count = FRAMES_PER_TICK
    for (let i = 0; i < FRAMES_PER_TICK; i++) {
      // Classic frames only: the peer knows no others.
      do {
        while (at >= step.count) {
          step.count = 0
          at = 0
          vehicle.step(step)
        }
        at++
      } while (step.length[at - 1] > 8)
      batch.bus[i] = bus
      batch.id[i] = step.id[at - 1]
      batch.flags[i] = step.flags[at - 1] & FRAME_EXT
      batch.length[i] = step.length[at - 1]
      const from = (at - 1) * FRAME_STRIDE
      batch.data.set(step.data.subarray(from, from + 8), i * FRAME_STRIDE)
    }
    return batch
  })
}

interface Outcome {
  readonly percent: number
  readonly told: string
}

/** Runs `work` with a real outbox behind it. */
async function kept(work: (sync: Sync) => Promise<Outcome>): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), 'milepost-bench-'))
  const sync = await Sync.start({
    outbox: { path: join(dir, 'outbox.db'), vehicle: 'bench', bootId: 'b' },
    uplink: { kind: 'none' },
  })
  try {
    return await work(sync)
  } finally {
    await sync.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

function keeper(sync: Sync): Keep {
  return (content, timeUs) =>
    sync.append({
      lane: 'telemetry',
      type: 'milepost.snapshot.v1',
      timeUs,
      monoUs: timeUs,
      clock: 'synced',
      payload: JSON.stringify(content),
    })
}

/** In real time: every 10 ms each bus hands its frames over. CPU of all threads, wall time beside. */
async function throughMilepost(
  texts: readonly string[],
  recorded: readonly FrameBatch[][],
  sync: Sync,
): Promise<Outcome> {
  const keep = keeper(sync)
  const catalog = new SignalCatalog()
  const sets = texts.map((text, bus) => new DatabaseSet([parseDbc(text, `bus${bus}.dbc`)]))
  const decoder = new Decoder(sets, catalog)
  const { campaigns } = parseConfig(
    JSON.stringify({
      vehicle: 'bench',
      sensors: [{ id: 's', kind: 'simulator' }],
      campaigns: texts.map((_, bus) => ({
        id: `bus${bus}`,
        signals: [`Bus${bus}_*`],
        sampleEveryMs: SAMPLE_EVERY_MS,
      })),
    }),
    'bench.yaml',
  )
  const known = { has: () => true, all: () => [], open: true }
  const pipeline = new Pipeline({
    catalog,
    decoder,
    campaigns: campaigns.map((config) => makeCampaign(config, { catalog, known, fetch: () => {} })),
    observers: [],
    keep: (_, { content, timeUs }) => keep(content, timeUs),
  })
  const beganUs = Date.now() * 1000
  let tick = 0
  const one = (): void => {
    for (const batches of recorded) {
      const batch = batches[tick % RECORDED_TICKS]
      stamp(batch, beganUs, tick)
      pipeline.frames(batch)
    }
    tick++
  }
  const drive = async (seconds: number): Promise<number> => {
    const start = performance.now()
    const ticks = (seconds * 1000) / TICK_MS
    let worstMs = 0
    for (let done = 0; done < ticks; ) {
      const due = Math.min(ticks, Math.floor((performance.now() - start) / TICK_MS))
      worstMs = Math.max(worstMs, (due - done - 1) * TICK_MS)
      for (; done < due; done++) one()
      if (done < ticks) await sleep(TICK_MS)
    }
    return worstMs
  }
  await drive(WARM_UP_SECONDS)
  const before = { cpu: process.cpuUsage(), at: performance.now(), frames: pipeline.framesSeen }
  const records = pipeline.recordsMade
  const worstMs = await drive(SECONDS)
  await sync.flush()
  const cpu = process.cpuUsage(before.cpu)
  const wallMs = performance.now() - before.at
  const frames = pipeline.framesSeen - before.frames
  check(decoder.decoded === pipeline.framesSeen, `${decoder.unknown} frames were not decoded`)
  check(frames === BUSES * FRAMES_PER_SECOND * SECONDS, `only ${frames} frames`)
  check(sync.status().lanes.telemetry.dropped === 0, 'records were dropped')
  check(pipeline.recordsMade > records, 'nothing was kept')
  const percent = (cpu.user + cpu.system) / wallMs / 10
  return {
    percent,
    told:
      `${frames} frames in ${(wallMs / 1000).toFixed(1)} s, all decoded into ${catalog.size} signals, ` +
      `${pipeline.recordsMade - records} snapshots kept; ${percent.toFixed(0)} % of one core ` +
      `(all threads); latest hand-over ${worstMs} ms late`,
  }
}

/** As one would write it first: a frame object, candied's map of objects, a map of latest values. */
async function throughObjects(
  texts: readonly string[],
  recorded: readonly FrameBatch[][],
  sync: Sync,
): Promise<Outcome> {
  const keep = keeper(sync)
  const cans = texts.map((text) => {
    const can = new Can()
    can.database = new Dbc().load(text)
    return can
  })
  const latest = texts.map(() => new Map<string, { value: number; timeUs: number }>())
  const beganUs = Date.now() * 1000
  let frames = 0
  const run = (from: number, to: number): void => {
    for (let tick = from; tick < to; tick++) {
      for (const [bus, batches] of recorded.entries()) {
        const batch = batches[tick % RECORDED_TICKS]
        stamp(batch, beganUs, tick)
        for (let i = 0; i < batch.count; i++) {
          const at = i * FRAME_STRIDE
          const payload = [...batch.data.subarray(at, at + batch.length[i])]
          const ext = batch.flags[i] === FRAME_EXT
          const decoded = cans[bus].decode(cans[bus].createFrame(batch.id[i], payload, ext))
          frames++
          for (const [name, signal] of decoded?.boundSignals ?? []) {
            const timeUs = batch.timeUs[i]
            latest[bus].set(`${decoded!.name}.${name}`, { value: signal.value, timeUs })
          }
        }
        if ((tick * TICK_MS) % SAMPLE_EVERY_MS === 0) {
          const signals = Object.fromEntries(
            [...latest[bus]].map(([name, { value }]) => [name, value]),
          )
          keep({ campaign: `bus${bus}`, signals }, batch.timeUs[0])
        }
      }
    }
  }
  run(0, PEER_TICKS / 4)
  frames = 0
  const before = process.cpuUsage()
  run(0, PEER_TICKS)
  await sync.flush()
  const cpu = process.cpuUsage(before)
  check(frames === PEER_TICKS * BUSES * FRAMES_PER_TICK, 'the peer left frames out')
  const usPerFrame = (cpu.user + cpu.system) / frames
  return { percent: (usPerFrame * BUSES * FRAMES_PER_SECOND) / 1e4, told: '' }
}

function stamp(batch: FrameBatch, beganUs: number, tick: number): void {
  const startUs = beganUs + tick * TICK_MS * 1000
  for (let i = 0; i < batch.count; i++) {
    batch.timeUs[i] = startUs + (i * TICK_MS * 1000) / FRAMES_PER_TICK
  }
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
