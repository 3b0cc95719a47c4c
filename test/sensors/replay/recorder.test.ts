import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { FRAME_STRIDE, FrameBatch } from '../../../sensors/frame.ts'
import { FrameRecorder } from '../../../sensors/replay/frame-recorder.ts'
import { RollingLog, type RollingLogOptions } from '../../../sensors/replay/rolling-log.ts'
import { Milepost, milepost, writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { readAll } from './support.ts'

const NAMES = { nameOf: (bus: number) => `can${bus}` }

function optionsFor(dir: string, more: Partial<RollingLogOptions> = {}): RollingLogOptions {
  const bounds = { maxFileBytes: 10_000, maxTotalBytes: 1_000_000 }
  return { dir, prefix: 'v.1', gzip: false, syncEveryMs: 0, ...bounds, ...more }
}

/** Frames numbered from `first` on, by identifier and payload. */
function numbered(first: number, count: number): FrameBatch {
  const batch = new FrameBatch(count)
  for (let i = 0; i < count; i++) {
    batch.timeUs[i] = 1_700_000_000_000_000 + first + i
    batch.id[i] = (first + i) % 0x800
    batch.length[i] = 8
    new DataView(batch.data.buffer).setFloat64(i * FRAME_STRIDE, first + i)
  }
  batch.count = count
  return batch
}

const contentOf = (dir: string, name: string): Buffer => {
  const bytes = readFileSync(join(dir, name))
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}
const filesOf = (dir: string): string[] => readdirSync(dir).sort()
const linesOf = (dir: string): string[] =>
  filesOf(dir).flatMap((name) => readAll([contentOf(dir, name)]).lines)
const lineCount = (dir: string): number => linesOf(dir).length

async function record(options: RollingLogOptions, batches: readonly FrameBatch[]) {
  const log = await RollingLog.open(options)
  const recorder = new FrameRecorder(log, NAMES, 5)
  for (const batch of batches) {
    recorder.frames(batch)
    await sleep(10)
  }
  await recorder.close()
  return { log, recorder }
}

describe('recorder', () => {
  test('what was recorded is read back, file after file, none larger than allowed', async (t) => {
    const dir = tempDir(t)
    const batches = Array.from({ length: 12 }, (_, i) => numbered(i * 100, 100))
    const { log, recorder } = await record(optionsFor(dir), batches)
    assert.deepEqual([recorder.recorded, recorder.dropped], [1200, 0])
    const names = filesOf(dir)
    assert.ok(names.length > 4 && names.length === log.filesBegun)
    for (const name of names) assert.ok(statSync(join(dir, name)).size <= 10_000)
    const lines = linesOf(dir)
    assert.equal(lines.length, 1200)
    for (const [i, line] of lines.entries()) {
      assert.ok(line.includes(`.${String(i).padStart(6, '0')}) can0 `), line)
    }
  })

  test('a batch larger than a file is split at lines', async (t) => {
    const dir = tempDir(t)
    await record(optionsFor(dir), [numbered(0, 2000)])
    for (const name of filesOf(dir)) assert.ok(statSync(join(dir, name)).size <= 10_000)
    assert.equal(lineCount(dir), 2000)
  })

  test('the oldest files go where all together would be too large', async (t) => {
    const dir = tempDir(t)
    const options = optionsFor(dir, { maxTotalBytes: 35_000 })
    const batches = Array.from({ length: 20 }, (_, i) => numbered(i * 100, 100))
    const { log } = await record(options, batches)
    const size = filesOf(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)
    assert.equal(size, log.totalBytes)
    assert.ok(size <= 35_000 && log.deletedFiles > 0)
    assert.equal(log.writtenBytes, size + log.deletedBytes)
    assert.ok(linesOf(dir).at(-1)?.includes('.001999) '))
  })

  test('complete files are packed, and numbers go on in the next run', async (t) => {
    const dir = tempDir(t)
    const options = optionsFor(dir, { gzip: true })
    await record(options, [numbered(0, 500)])
    const first = filesOf(dir)
    assert.ok(first.every((name) => name.endsWith('.log.gz')))
    await record(options, [numbered(500, 500)])
    const numbers = filesOf(dir).map((name) => Number(/-(\d{6})-/.exec(name)?.[1]))
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i + 1),
    )
    assert.equal(lineCount(dir), 1000)
  })

  test('what a killed run left is put right: half a line, half a packed file, a file twice', async (t) => {
    const dir = tempDir(t)
    await record(optionsFor(dir), [numbered(0, 100)])
    const [name] = filesOf(dir)
    const whole = readFileSync(join(dir, name))
    writeFileSync(join(dir, name), whole.subarray(0, whole.length - 9))
    writeFileSync(join(dir, 'v.1-000002-20200101T000000Z.log.gz.part'), 'half')
    writeFileSync(join(dir, 'v.1-000003-20200101T000000Z.log'), '')
    writeFileSync(join(dir, 'other.log'), 'not ours')
    const log = await RollingLog.open(optionsFor(dir, { gzip: true }))
    assert.ok(log.tornBytes > 20)
    await log.write(Buffer.from('(1.000000) can0 123#00 R\n'))
    await log.close()
    assert.ok(existsSync(join(dir, 'other.log')))
    assert.ok(!filesOf(dir).some((file) => file.endsWith('.part')))
    assert.ok(filesOf(dir).some((file) => file.includes('-000004-')))
    const own = filesOf(dir).filter((file) => file.startsWith('v.1-'))
    assert.equal(own.flatMap((file) => readAll([contentOf(dir, file)]).lines).length, 100)
  })

  test('half a line at the end of a log is never taken for a whole frame', async (t) => {
    const dir = tempDir(t)
    await record(optionsFor(dir), [numbered(0, 20)])
    const bytes = readFileSync(join(dir, filesOf(dir)[0]))
    const whole = readAll([bytes]).lines
    const last = bytes.lastIndexOf(10, bytes.length - 2) + 1
    for (let end = last; end <= bytes.length; end++) {
      const { lines } = readAll([bytes.subarray(0, end)])
      assert.deepEqual(lines, whole.slice(0, lines.length))
      assert.equal(lines.length, end >= bytes.length - 1 ? 20 : 19)
    }
  })

  test('a folder that goes away costs frames, which are counted, and no more', async (t) => {
    const dir = join(tempDir(t), 'logs')
    const log = await RollingLog.open(optionsFor(dir, { maxFileBytes: 2000 }))
    const recorder = new FrameRecorder(log, NAMES, 5)
    recorder.frames(numbered(0, 10))
    while (recorder.recorded < 10) await sleep(5)
    renameSync(dir, `${dir}-away`)
    recorder.frames(numbered(10, 100))
    while (!recorder.error) await sleep(5)
    renameSync(`${dir}-away`, dir)
    recorder.frames(numbered(110, 10))
    await recorder.close()
    assert.equal(recorder.recorded + recorder.dropped, 120)
    assert.ok(recorder.dropped > 0 && recorder.recorded >= 20)
    assert.equal(recorder.error, undefined)
    assert.equal(lineCount(dir), recorder.recorded)
  })
})

describe('milepost record', () => {
  const simulated = { sensors: [{ id: 'sim', kind: 'simulator', speed: 20 }] }

  test('records until it is told to stop, and tells what it did', async (t) => {
    const dir = tempDir(t)
    const config = writeConfig(dir, simulated)
    const out = join(dir, 'out')
    const bounds = ['--max-file-mib', '0.05', '--gzip']
    const running = new Milepost(['record', '-c', config, '--out', out, '--json', ...bounds])
    while (!existsSync(out) || filesOf(out).length < 3) await sleep(50)
    running.child.kill('SIGINT')
    const { code, stdout } = await running.finished
    assert.equal(code, 0)
    const { recorded, dropped, filesBegun } = JSON.parse(stdout)
    assert.equal(dropped, 0)
    assert.equal(filesOf(out).length, filesBegun)
    assert.equal(lineCount(out), recorded)
  })

  test('killed at any time, every line that is read was recorded whole', async (t) => {
    const dir = tempDir(t)
    const config = writeConfig(dir, simulated)
    const out = join(dir, 'out')
    const lengths = new Map<string, number>()
    for (let round = 0; round < 3; round++) {
      const before = existsSync(out) ? lineCount(out) : 0
      const running = new Milepost(['record', '-c', config, '--out', out, '--max-file-mib', '0.2'])
      while (!existsSync(out) || lineCount(out) < before + 500) await sleep(37 + round * 20)
      running.child.kill('SIGKILL')
      await running.finished
      for (const name of filesOf(out)) {
        const { lines, malformed } = readAll([contentOf(out, name)])
        assert.ok(malformed <= 1, `${name}: ${malformed} broken lines`)
        // A message of the simulated vehicle has always the same length: a shorter one is half a line.
        for (const line of lines) {
          const [, id, payload] = /(\w+)#+(\w*)$/.exec(line)!
          assert.equal(payload.length, lengths.get(id) ?? payload.length, line)
          lengths.set(id, payload.length)
        }
      }
    }
  })

  test('refuses bounds that leave no room, and folders that cannot be', async (t) => {
    const dir = tempDir(t)
    const config = writeConfig(dir, simulated)
    const tight = ['--max-file-mib', '64', '--max-total-mib', '64']
    const small = await milepost('record', '-c', config, '--out', join(dir, 'o'), ...tight)
    assert.equal(small.code, 2)
    assert.match(small.stderr, /USAGE: --max-total-mib leaves no room/)
    writeFileSync(join(dir, 'file'), '')
    // In /proc Node's own recursive mkdir never returns.
    for (const out of [join(dir, 'file'), '/proc/milepost/recordings']) {
      const bad = new Milepost(['record', '-c', config, '--out', out])
      t.after(() => bad.child.kill('SIGKILL'))
      const { code, stderr } = await bad.finished
      assert.equal(code, 2, stderr)
      assert.match(stderr, /Next: Name a folder/)
    }
  })
})

describe('milepost convert', () => {
  test('writes any log as candump, packed where the name says so', async (t) => {
    const dir = tempDir(t)
    const formats = new URL('./formats/', import.meta.url).pathname
    const out = join(dir, 'all.log.gz')
    const logs = ['python-can-blf', 'vector-asc', 'microchip'].map(
      (name) => `${formats}${name}/log`,
    )
    const { code, stderr } = await milepost('convert', ...logs, '--out', out)
    assert.equal(code, 0, stderr)
    const expected = logs.flatMap((log) => readAll([readFileSync(log)]).lines)
    assert.deepEqual(readAll([gunzipSync(readFileSync(out))]).lines, expected)
    assert.match(stderr, /8 frames of format asc, 4 pieces skipped: no frame/)
  })

  test('of more interfaces than can be told apart, the first are taken, and the others told', async (t) => {
    const dir = tempDir(t)
    const log = join(dir, 'many.log')
    const lines = Array.from({ length: 300 }, (_, i) => `(1.000000) net${i} 123#00\n`)
    writeFileSync(log, lines.join(''))
    const { code, stdout, stderr } = await milepost('convert', log)
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim().split('\n').length, 256)
    assert.match(stderr, /frames of net256 are skipped/)
  })

  test('fails with a word on what is no log, and on what is not there', async (t) => {
    const dir = tempDir(t)
    writeFileSync(join(dir, 'tale.txt'), 'once upon a time\n')
    assert.equal((await milepost('convert', join(dir, 'tale.txt'))).code, 1)
    const missing = await milepost('convert', join(dir, 'nothing.blf'))
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /LOG_UNREADABLE/)
    assert.match(missing.stderr, /Next: Check the path/)
  })
})
