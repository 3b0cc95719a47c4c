import { z } from 'zod'
import { decodeToJson } from '../../../sensors/dbc/exact.ts'
import { FRAME_EXT, FRAME_STRIDE, type FrameBatch } from '../../../sensors/frame.ts'
import type { ReadingBatch } from '../../../sensors/reading.ts'
import { nameMatcher } from '../../collection/match.ts'
import { jsonNumber, Watched } from '../../collection/watched.ts'
import type { Part, PartContext } from '../../part.ts'
import { LineQueue } from '../line-queue.ts'
import { operation } from '../operation.ts'

/** A reader sees this many frames a second at most; a full bus has some thousands. */
const MAX_FRAMES_PER_SEC = 2_000
/** Signals in one live view. */
const MAX_LIVE_SIGNALS = 500
const FRAMES_EACH_MS = 100

const globs = z
  .string()
  .max(4_000)
  .default('*')
  .transform((text) => text.split(',').filter(Boolean))

/** A frame as a live view shows it. */
export interface LiveFrame {
  readonly timeUs: number
  readonly bus: string
  readonly id: number
  readonly ext: boolean
  /** Bit flags, as in `sensors/frame.ts`. */
  readonly flags: number
  /** Payload in hex. */
  readonly data: string
  readonly message?: string
  readonly signals?: Readonly<Record<string, number | string>>
}

/** The newest readings: `[index, value, timeUs]` each; names come first, and when there are new ones. */
export type LiveReadings =
  | { readonly names: readonly { name: string; unit: string }[]; readonly from: number }
  | { readonly readings: readonly (readonly [number, number | string, number])[] }

/** The live streams: readings, frames and events as they come, at a bounded rate. */
export function livePart(context: PartContext): Part {
  const { api, taps } = context
  api.add(
    operation({
      method: 'GET',
      path: '/live/readings',
      role: 'read',
      summary: 'stream the newest reading of each matching signal, at most so many times a second',
      query: z.strictObject({
        match: globs,
        hz: z.coerce.number().min(0.1).max(20).default(5),
      }),
      answer: ({ query, signal }) =>
        new LineQueue<LiveReadings>(signal, (queue) => watchReadings(context, queue, query)),
    }),
    operation({
      method: 'GET',
      path: '/live/frames',
      role: 'read',
      summary: 'stream CAN frames, decoded beside; more than 2,000 a second are counted, not sent',
      query: z.strictObject({
        bus: z.string().max(64).optional(),
        id: z
          .string()
          .regex(/^(0x)?[0-9a-fA-F]{1,8}$/, 'expected an identifier in hex')
          .optional(),
      }),
      answer: ({ query, signal }) =>
        new LineQueue<LiveFrame | { skipped: number }>(
          signal,
          (queue) => watchFrames(context, queue, query),
          MAX_FRAMES_PER_SEC,
        ),
    }),
    operation({
      method: 'GET',
      path: '/live/events',
      role: 'read',
      summary:
        'stream records of the lanes events and critical as they are kept, and sensor states',
      answer: ({ signal }) =>
        new LineQueue(signal, (queue) =>
          taps.watch('live events', {
            record: (lane, type, timeUs, content) => {
              if (lane !== 'telemetry') queue.push({ lane, type, timeUs, content })
            },
            sensor: (sensor) => queue.push({ sensor }),
          }),
        ),
    }),
  )
  return { name: 'live', status: () => ({ streams: api.streams }), stop: () => {} }
}

/** Sends what is new since the last time, so that a signal at 1 kHz costs no more than one at 10 Hz. */
function watchReadings(
  { catalog, taps }: PartContext,
  queue: LineQueue<LiveReadings>,
  { match, hz }: { match: string[]; hz: number },
): () => void {
  const watched = new Watched(catalog, nameMatcher(match))
  const value = new Float64Array(MAX_LIVE_SIGNALS)
  const timeUs = new Float64Array(MAX_LIVE_SIGNALS)
  const fresh = new Uint8Array(MAX_LIVE_SIGNALS)
  let named = 0
  const unwatch = taps.watch('live readings', {
    readings(batch: ReadingBatch) {
      const slots = watched.slots()
      for (let i = 0; i < batch.count; i++) {
        const slot = slots[batch.signal[i]]
        if (slot < 0 || slot >= MAX_LIVE_SIGNALS) continue
        value[slot] = batch.value[i]
        timeUs[slot] = batch.timeUs[i]
        fresh[slot] = 1
      }
    },
  })
  const timer = setInterval(() => {
    watched.slots()
    const count = Math.min(watched.signals.length, MAX_LIVE_SIGNALS)
    if (count > named) {
      const names = watched.signals.slice(named, count).map(({ name, unit }) => ({ name, unit }))
      queue.push({ names, from: named })
      named = count
    }
    const readings: [number, number | string, number][] = []
    for (let slot = 0; slot < count; slot++) {
      if (fresh[slot] === 1) readings.push([slot, jsonNumber(value[slot]), timeUs[slot]])
    }
    fresh.fill(0)
    if (readings.length > 0) queue.push({ readings })
  }, 1000 / hz)
  return () => {
    clearInterval(timer)
    unwatch()
  }
}

/** Frames are copied and decoded up to the bound of each tenth of a second; the rest is only counted. */
function watchFrames(
  { taps, busName, databases }: PartContext,
  queue: LineQueue<LiveFrame | { skipped: number }>,
  { bus: wantedBus, id: wantedId }: { bus?: string; id?: string },
): () => void {
  const id = wantedId === undefined ? undefined : Number.parseInt(wantedId, 16)
  const limit = (MAX_FRAMES_PER_SEC * FRAMES_EACH_MS) / 1000
  let sent = 0
  let skipped = 0
  const timer = setInterval(() => {
    sent = 0
    if (skipped > 0) queue.push({ skipped })
    skipped = 0
  }, FRAMES_EACH_MS)
  const unwatch = taps.watch('live frames', {
    frames(batch: FrameBatch) {
      for (let i = 0; i < batch.count; i++) {
        if (id !== undefined && batch.id[i] !== id) continue
        if (wantedBus !== undefined && busName(batch.bus[i]) !== wantedBus) continue
        if (sent >= limit) skipped++
        else {
          sent++
          queue.push(frameOf(batch, i, busName, databases))
        }
      }
    },
  })
  return () => {
    clearInterval(timer)
    unwatch()
  }
}

function frameOf(
  batch: FrameBatch,
  i: number,
  busName: PartContext['busName'],
  databases: PartContext['databases'],
): LiveFrame {
  const start = i * FRAME_STRIDE
  const [flags, length] = [batch.flags[i], batch.length[i]]
  const ext = (flags & FRAME_EXT) !== 0
  const message = databases(batch.bus[i])?.find(batch.id[i], ext)
  return {
    timeUs: batch.timeUs[i],
    bus: busName(batch.bus[i]),
    id: batch.id[i],
    ext,
    flags,
    data: Buffer.from(batch.data.buffer, batch.data.byteOffset + start, length).toString('hex'),
    ...(message
      ? {
          message: message.name,
          signals: JSON.parse(
            decodeToJson(message, batch.data, false, start, length, { short: 0 }),
          ) as LiveFrame['signals'],
        }
      : {}),
  }
}
