// Seeded: a run that fails prints its seed and path. In full by `npm run test:fuzz`.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { deflateSync, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import {
  FD_LENGTHS,
  FRAME_ERR,
  FRAME_EXT,
  FRAME_FD,
  FRAME_STRIDE,
  FrameBatch,
} from '../../../sensors/frame.ts'
import { readerFor } from '../../../sensors/replay/log-reader.ts'
import { SEED, tries } from '../../support/fuzz.ts'
import { Names } from './support.ts'

const LOGS = tries(1000, 10_000)

const logs = ['./cases/', './formats/'].flatMap((folder) => {
  const base = new URL(folder, import.meta.url)
  return readdirSync(base, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, bytes: readFileSync(new URL(`${name}/log`, base)) }))
})

/** Pieces that a mutation puts into a log: what formats are made of, and what breaks them. */
const PIECES = [
  'LOBJ', 'LOGG', '\n', '\r', ' ', '\0', ';', ',', ':', '.', '#', '##', '***', '//', '(', ')', '[64]',
  '-1', '0', '9', 'FF', '0x', '99999999999999999999', '1e9', 'NaN', 'Rx', 'CANFD', 'ErrorFrame', 'RTR',
  'base dec', 'timestamps relative', '***RELATIVE MODE***', ';$FILEVERSION=2.1\n', ';$COLUMNS=D,I\n',
  ';$STARTTIME=1e300\n', 'date x\n', 'Time Stamp,ID,Extended,Dir\n', 'é', 'x'.repeat(1500),
] // biome-ignore format: a table

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  kind: fc.constantFrom('replace', 'insert', 'cut', 'repeat', 'flip', 'number', 'join'),
  size: fc.integer({ min: 0, max: 64 }),
  piece: fc.constantFrom(...PIECES),
  number: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff),
  other: fc.constantFrom(...logs),
})
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

function mutate(original: Buffer, edits: readonly Edit[]): Buffer {
  let log = Buffer.from(original)
  for (const { at, kind, size, piece, number, other } of edits) {
    const from = Math.floor(at * log.length)
    const [before, after] = [log.subarray(0, from), log.subarray(from)]
    if (kind === 'replace') log = Buffer.concat([before, Buffer.from(piece), after.subarray(size)])
    else if (kind === 'insert') log = Buffer.concat([before, Buffer.from(piece), after])
    else if (kind === 'cut') log = Buffer.concat([before, after.subarray(size)])
    else if (kind === 'repeat') log = Buffer.concat([before, after.subarray(0, size), after])
    else if (kind === 'join') log = Buffer.concat([before, other.bytes])
    else if (kind === 'number' && after.length >= 4) log.writeUInt32LE(number, from)
    else if (after.length > 0) log[from] ^= 1 << (size & 7)
  }
  return log
}

/** The log with the content of its first container changed, and packed again. */
function mutateInside(log: Buffer, edits: readonly Edit[]): Buffer {
  const at = log.readUInt32LE(4)
  const size = log.readUInt32LE(at + 8)
  const inner = mutate(inflateSync(log.subarray(at + 32, at + size)), edits)
  const packed = deflateSync(inner)
  const object = Buffer.from(log.subarray(at, at + 32))
  object.writeUInt32LE(32 + packed.length, 8)
  return Buffer.concat([log.subarray(0, at), object, packed])
}

/** Reads a log in pieces; every frame must be one that a bus can carry. Returns how many. */
function readChecked(log: Buffer, pieceBytes: number): { frames: number; malformed: number } {
  const names = new Names()
  const reader = readerFor({
    indexOf: (name) => Math.min(names.indexOf(name), 255),
    nameOf: String,
  })
  const batch = new FrameBatch(16)
  let seen = 0
  const take = (): void => {
    let more = true
    while (more) {
      more = reader.fill(batch)
      assert.ok(more === batch.full)
      for (let i = 0; i < batch.count; i++) check(batch, i)
      seen += batch.count
      batch.count = 0
    }
  }
  for (let at = 0; at < log.length; at += pieceBytes) {
    reader.push(log.subarray(at, at + pieceBytes))
    take()
  }
  reader.end()
  take()
  assert.equal(reader.frames, seen)
  return { frames: seen, malformed: reader.malformed }
}

function check(batch: FrameBatch, i: number): void {
  const flags = batch.flags[i]
  assert.ok(batch.id[i] <= (flags & (FRAME_EXT | FRAME_ERR) ? 0x1fffffff : 0x7ff))
  assert.ok(flags & FRAME_FD ? FD_LENGTHS.includes(batch.length[i]) : batch.length[i] <= 8)
  assert.ok(batch.timeUs[i] >= 0 && batch.timeUs[i] <= Number.MAX_SAFE_INTEGER)
  assert.ok(batch.length[i] <= FRAME_STRIDE)
}

test('mutated logs of every format: no crash, no hang, no frame that a bus cannot carry', (t) => {
  const counts = new Map(logs.map(({ name }) => [name, { frames: 0, malformed: 0 }]))
  fc.assert(
    fc.property(
      fc.constantFrom(...logs),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 4096 }),
      (log, edits, pieceBytes) => {
        const { frames, malformed } = readChecked(mutate(log.bytes, edits), pieceBytes)
        const count = counts.get(log.name)!
        count.frames += frames
        count.malformed += malformed
      },
    ),
    { seed: SEED, numRuns: LOGS },
  )
  // Were every mutated log refused as a whole, its reader would not have been tried at all.
  for (const [name, { frames, malformed }] of counts) {
    assert.ok(frames > 10 && malformed > 0, `${name}: ${frames} frames, ${malformed} malformed`)
  }
  t.diagnostic(`${LOGS} logs`)
})

test('mutated content of BLF containers', () => {
  const { bytes } = logs.find(({ name }) => name === 'python-can-blf')!
  let malformed = 0
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
      malformed += readChecked(mutateInside(bytes, edits), 4096).malformed
    }),
    { seed: SEED, numRuns: tries(500, 5000) },
  )
  assert.ok(malformed > 100)
})

test('what a reader holds back does not grow with the log', () => {
  for (const { name, bytes } of logs) {
    // No line ever ends, no object is ever whole: what is kept must stay within its bound.
    const reader = readerFor(new Names())
    const batch = new FrameBatch(512)
    const rubbish = Buffer.alloc(1024 * 1024, name.includes('blf') ? 0 : 'x')
    const drain = (): void => {
      while (reader.fill(batch)) batch.count = 0
      batch.count = 0
    }
    reader.push(bytes)
    drain()
    const before = heldBytes()
    for (let i = 0; i < 64; i++) {
      reader.push(Buffer.from(rubbish))
      drain()
    }
    const grown = heldBytes() - before
    assert.ok(grown < 24 * 1024 * 1024, `${name}: ${grown} bytes more`)
  }
})

/** Memory in use after a collection, which Node.js only offers under a flag. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc')
  // Buffers that one collection finds dead are freed beside it; the next one first waits for that.
  const collect = runInNewContext('gc')
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
