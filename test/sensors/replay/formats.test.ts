import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { FrameBatch } from '../../../sensors/frame.ts'
import { readerFor } from '../../../sensors/replay/log-reader.ts'
import { Names, readAll } from './support.ts'

const CASES = new URL('./formats/', import.meta.url)
const SHARED = new URL('../../../../shared/data/can/logs/', import.meta.url)
const cases = readdirSync(CASES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

const logOf = (name: string): Buffer => readFileSync(new URL(`${name}/log`, CASES))
/** Bus and times are each format's own; what was on the bus is the same in all. */
const frameOf = (line: string): string => line.replace(/^\(\S+\) \S+ /, '')
const timeOf = (line: string): number => Number(/^\((\d+)\.(\d+)\)/.exec(line)?.slice(1).join(''))

describe('logs of every format', () => {
  for (const name of cases) {
    it(`reads the case ${name}`, () => {
      const expected = readFileSync(new URL(`${name}/expected`, CASES), 'utf8')
        .trim()
        .split('\n')
      const { lines, malformed } = readAll([logOf(name)])
      assert.deepEqual([...lines, `malformed ${malformed}`], expected)
    })
  }

  it('does not care where chunks are cut, nor how large a batch is', () => {
    for (const name of cases) {
      const log = logOf(name)
      const whole = readAll([log])
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 0, max: log.length }), { maxLength: 30 }),
          fc.integer({ min: 1, max: 9 }),
          (cuts, capacity) => {
            const edges = [0, ...cuts.sort((a, b) => a - b), log.length]
            const chunks = edges.slice(1).map((edge, i) => log.subarray(edges[i], edge))
            assert.deepEqual(readAll(chunks, capacity), whole)
          },
        ),
        { numRuns: 20 },
      )
    }
  })

  it('a format is told by its content, not before it shows, and by a frame where no header is', () => {
    const told = (text: string): string | undefined => {
      const reader = readerFor(new Names())
      reader.push(Buffer.from(text))
      return reader.format
    }
    assert.equal(told('# a comment\n'), undefined)
    assert.equal(told('# a comment\n(1.0) can0 123#00\n'), 'candump')
    assert.equal(told('  can0  123   [2]  11 22\n'), 'candump')
    assert.equal(told('   0.015 1  123  Rx   d 1 FF\n'), 'asc')
    assert.equal(told('     1)      1841      0001  1  00\n'), 'trc')
    assert.equal(told('166064;RX;0x0000021A;1;0xFE;\n'), 'microchip')
    assert.equal(told('LOGG'), 'blf')
    assert.equal(told('rubbish without an end '.repeat(4000)), 'candump')
  })
})

describe('BLF that is broken', () => {
  const log = logOf('python-can-blf')

  it('gives what is left of a container that was cut off, and counts that', () => {
    const whole = readAll([log])
    const cut = readAll([log.subarray(0, log.length - 60)])
    assert.ok(cut.frames > 0 && cut.frames < whole.frames, `${cut.frames} of ${whole.frames}`)
    assert.deepEqual(cut.lines, whole.lines.slice(0, cut.frames))
    assert.ok(cut.malformed > 0)
  })

  it('goes on after rubbish between containers', () => {
    const header = log.readUInt32LE(4)
    const rubbish = Buffer.from('LOBJLOBJLOBJ what is this? LO')
    const [whole, mixed] = [
      readAll([log]),
      readAll([Buffer.concat([log.subarray(0, header), rubbish, log.subarray(header)])]),
    ]
    assert.deepEqual(mixed.lines, whole.lines)
    assert.ok(mixed.malformed > 0)
  })

  it('refuses a container that unpacks to more than the bound', () => {
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
    const object = Buffer.alloc(32)
    object.write('LOBJ', 0, 'latin1')
    object.writeUInt16LE(16, 4)
    object.writeUInt16LE(1, 6)
    object.writeUInt32LE(32 + bomb.length, 8)
    object.writeUInt32LE(10, 12)
    object.writeUInt16LE(2, 16)
    const header = log.subarray(0, log.readUInt32LE(4))
    const padding = Buffer.alloc((32 + bomb.length) % 4)
    const rest = log.subarray(header.length)
    const read = readAll([Buffer.concat([header, object, bomb, padding, rest])])
    assert.equal(read.frames, readAll([log]).frames)
    assert.equal(read.malformed, 1)
  })
})

describe('logs of others', () => {
  const there = (file: string): boolean => existsSync(new URL(file, SHARED))
  const read = (file: string) => readAll([readFileSync(new URL(file, SHARED))])

  it('the four logs of SavvyCAN hold the same frames', (t) => {
    const files = ['candump.log', 'GVRET_Log.csv', 'BusMasterLog.log', 'MicrochipLog.log']
    const found = files.map((file) => `savvycan/${file}`).filter(there)
    t.diagnostic(`${files.length - found.length} of ${files.length} logs not found`)
    const logs = found.map(read)
    for (const { lines, malformed } of logs) {
      assert.equal(malformed, 0)
      assert.equal(lines.length, 12_974)
      assert.deepEqual(lines.map(frameOf), logs[0].lines.map(frameOf))
    }
    // Those that keep milliseconds agree about them too, each from its own beginning.
    const gaps = logs.slice(1).map(({ lines }) => lines.map((l) => timeOf(l) - timeOf(lines[0])))
    for (const gap of gaps) assert.deepEqual(gap, gaps[0])
  })

  it('ASC in both dialects and BLF give the same as candump', (t) => {
    const files = ['asc', 'pycan.asc', 'blf'].map((suffix) => `derived/savvycan-2000.${suffix}`)
    const found = files.filter(there)
    t.diagnostic(`${files.length - found.length} of ${files.length} logs not found`)
    if (found.length === 0) return
    const { lines } = read('derived/savvycan-2000.candump.log')
    const since = (all: string[]) => all.map((l) => `${timeOf(l) - timeOf(all[0])} ${frameOf(l)}`)
    for (const file of found) {
      const other = read(file)
      assert.equal(other.malformed, 0)
      assert.deepEqual(since(other.lines), since(lines))
      // This BLF was written without a date.
      if (!file.endsWith('.blf')) assert.equal(timeOf(other.lines[0]), timeOf(lines[0]))
    }
  })

  it("PCAN-View's trace has the frames that canboat finds in it", (t) => {
    if (!there('canboat/pcan-view.in')) {
      t.diagnostic('1 of 1 logs not found')
      return
    }
    const { lines, malformed } = read('canboat/pcan-view.in')
    assert.deepEqual([lines.length, malformed], [10, 0])
    assert.equal(frameOf(lines[0]), '09F11324#53849E0100FFFFFF')
  })
})

it('hands a batch over whenever it is full', () => {
  const reader = readerFor(new Names())
  reader.push(logOf('python-can-blf'))
  reader.end()
  const batch = new FrameBatch(4)
  const counts: number[] = []
  let more = true
  while (more) {
    more = reader.fill(batch)
    counts.push(batch.count)
    batch.count = 0
  }
  assert.deepEqual(counts, [4, 4, 2])
})
