import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  FD_LENGTHS,
  FRAME_BRS,
  FRAME_ERR,
  FRAME_ESI,
  FRAME_EXT,
  FRAME_FD,
  FRAME_RTR,
  FRAME_STRIDE,
  FrameBatch,
} from '../../../sensors/frame.ts'
import { formatCandump } from '../../../sensors/replay/candump.ts'
import { readAll } from './support.ts'

const CASES = new URL('./cases/', import.meta.url)
const SHARED = new URL('../../../../shared/data/can/logs/', import.meta.url)

describe('candump reader', () => {
  for (const name of readdirSync(CASES)) {
    it(`reads the case ${name}`, () => {
      const log = readFileSync(new URL(`${name}/log`, CASES))
      const expected = readFileSync(new URL(`${name}/expected`, CASES), 'utf8')
        .trim()
        .split('\n')
      const { lines, malformed } = readAll([log])
      assert.deepEqual([...lines, `malformed ${malformed}`], expected)
    })
  }

  it('does not care where chunks are cut, nor how large a batch is', () => {
    const log = Buffer.concat(
      readdirSync(CASES).map((name) => readFileSync(new URL(`${name}/log`, CASES))),
    )
    const whole = readAll([log])
    assert.ok(whole.frames > 20)
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: log.length }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        (cuts, capacity) => {
          const edges = [0, ...cuts.sort((a, b) => a - b), log.length]
          const chunks = edges.slice(1).map((edge, i) => log.subarray(edges[i], edge))
          assert.deepEqual(readAll(chunks, capacity), whole)
        },
      ),
    )
  })

  it('reads back whatever the writer wrote', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 20 }), (frames) => {
        const batch = new FrameBatch(frames.length)
        for (const frame of frames) put(batch, frame)
        const lines = frames.map((_, i) =>
          formatCandump(batch, i, { nameOf: (bus) => `can${bus}` }),
        )
        const back = readAll([Buffer.from(`${lines.join('\n')}\n`)])
        assert.deepEqual(back, { lines, malformed: 0, frames: frames.length })
      }),
    )
  })

  it('survives any bytes and finds the frame after them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (rubbish) => {
        const { lines } = readAll([rubbish, Buffer.from('\n(7.000000) can9 321#0102\n')])
        assert.equal(lines.at(-1)?.replace(/^\S+ /, ''), 'can9 321#0102')
      }),
    )
  })
})

describe('candump logs of others', () => {
  const logs: [string, frames: number][] = [
    ['savvycan/candump.log', 12_974],
    ['derived/savvycan-2000.candump.log', 2000],
    ['canboat/actisense-522.candump.log', 106],
    ['canboat/candump-fast.txt', 23],
    ['canboat/candump-fast-cr.txt', 23],
    ['canboat/j1939-pgn-test.in', 853],
  ]
  it('reads every line of those at hand', (t) => {
    const there = logs.filter(([file]) => existsSync(new URL(file, SHARED)))
    t.diagnostic(`${logs.length - there.length} of ${logs.length} logs not found`)
    for (const [file, frames] of there) {
      const bytes = readFileSync(new URL(file, SHARED))
      const read = readAll([bytes])
      assert.deepEqual([file, read.frames, read.malformed], [file, frames, 0])
      const lines = bytes
        .toString()
        .split(/\r?\n/)
        .filter((line) => /^\(\d/.test(line))
      // An independent way to the same lines, for logs in the log format.
      const normal = lines.map((line) => {
        const [, seconds, micros, rest] = /^\((\d+)\.(\d+)\) (.*?)\s*$/.exec(line) as string[]
        return `(${seconds.padStart(10, '0')}.${micros}) ${rest.toLowerCase()}`
      })
      if (lines.length) assert.deepEqual(read.lines.map(lowerPayload), normal.map(lowerPayload))
    }
  })
})

function lowerPayload(line: string): string {
  return line.toLowerCase()
}

interface AnyFrame {
  timeUs: number
  bus: number
  flags: number
  id: number
  data: number[]
}

const kinds = [
  0,
  FRAME_EXT,
  FRAME_ERR,
  FRAME_FD,
  FRAME_FD | FRAME_BRS | FRAME_EXT,
  FRAME_FD | FRAME_ESI,
]
const anyFrame: fc.Arbitrary<AnyFrame> = fc
  .record({
    timeUs: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
    bus: fc.integer({ min: 0, max: 9 }),
    kind: fc.constantFrom(...kinds, FRAME_RTR, FRAME_RTR | FRAME_EXT),
    id: fc.integer({ min: 0, max: 0x1fffffff }),
    dlc: fc.integer({ min: 0, max: 15 }),
    bytes: fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 64, maxLength: 64 }),
  })
  .map(({ timeUs, bus, kind, id, dlc, bytes }) => ({
    timeUs,
    bus,
    flags: kind,
    id: kind & (FRAME_EXT | FRAME_ERR) ? id : id & 0x7ff,
    data: bytes.slice(0, FD_LENGTHS[kind & FRAME_FD ? dlc : dlc & 7]),
  }))

function put(batch: FrameBatch, frame: AnyFrame): void {
  const slot = batch.count++
  batch.timeUs[slot] = frame.timeUs
  batch.bus[slot] = frame.bus
  batch.flags[slot] = frame.flags
  batch.id[slot] = frame.id
  batch.length[slot] = frame.data.length
  batch.data.set(frame.data, slot * FRAME_STRIDE)
}
