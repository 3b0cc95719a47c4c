import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { SensorError } from '../../../sensors/errors.ts'
import { replay } from '../../../sensors/replay/replay.ts'
import { HandClock, Recorder } from '../recorder.ts'

const folder = mkdtempSync(join(tmpdir(), 'milepost-replay-'))
after(() => rmSync(folder, { recursive: true }))

/** Longer than the sensor ever sleeps between two looks at the clock. */
const LONGER_THAN_A_LOOK_MS = 120

function logFile(name: string, content: string | Uint8Array): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

function sensorOf(config: Record<string, unknown>) {
  return replay.create(replay.config.parse(config))
}

const THREE = '(100.000000) can0 001#01\n(100.500000) can1 002#02\n(102.000000) can0 003#03\n'
const ids = (recorder: Recorder): number[] => recorder.seen.map((frame) => frame.id)
const never = new AbortController().signal

describe('replay', () => {
  it('delivers the whole log flat out, on the bus of the sensor', async () => {
    const recorder = new Recorder(new HandClock())
    await sensorOf({ file: logFile('a.log', THREE), pace: 'flat-out' }).run(recorder, never)
    assert.deepEqual(recorder.seen, [
      { timeUs: 100_000_000, bus: 3, id: 1, flags: 0, data: '01' },
      { timeUs: 100_500_000, bus: 3, id: 2, flags: 0, data: '02' },
      { timeUs: 102_000_000, bus: 3, id: 3, flags: 0, data: '03' },
    ])
    assert.equal(recorder.opens, 1)
    assert.deepEqual(recorder.drops, {})
  })

  it('takes one interface of the log where the config says so', async () => {
    const recorder = new Recorder(new HandClock())
    const file = logFile('b.log', THREE)
    await sensorOf({ file, pace: 'flat-out', interface: 'can1' }).run(recorder, never)
    assert.deepEqual(ids(recorder), [2])
    assert.deepEqual(recorder.facts, { framesOfOtherInterfaces: 2 })
    assert.deepEqual(recorder.drops, {})
  })

  for (const [pace, half] of [
    ['recorded', 500_000],
    [10, 50_000],
  ] as const) {
    it(`holds each frame back until its time by the clock, pace ${pace}`, async () => {
      const clock = new HandClock()
      const recorder = new Recorder(clock)
      const startUs = clock.wall
      const file = logFile('c.log', THREE)
      const running = sensorOf({ file, pace, timestamps: 'now' }).run(recorder, never)
      await recorder.until(() => recorder.seen.length === 1)
      clock.advance(half - 1000)
      await sleep(LONGER_THAN_A_LOOK_MS)
      assert.deepEqual(ids(recorder), [1])
      clock.advance(1000)
      await recorder.until(() => recorder.seen.length === 2)
      clock.advance(half * 3)
      await running
      assert.deepEqual(
        recorder.seen.map((frame) => [frame.id, frame.timeUs - startUs]),
        [
          [1, 0],
          [2, half],
          [3, half * 4],
        ],
      )
    })
  }

  it('begins again when looping, and time goes on', async () => {
    const recorder = new Recorder(new HandClock())
    const stop = new AbortController()
    const sensor = sensorOf({ file: logFile('d.log', THREE), pace: 'flat-out', loop: true })
    const running = sensor.run(recorder, stop.signal)
    await recorder.until(() => recorder.seen.length >= 9)
    stop.abort()
    await running
    assert.deepEqual(ids(recorder).slice(0, 9), [1, 2, 3, 1, 2, 3, 1, 2, 3])
    const times = recorder.seen.map((frame) => frame.timeUs)
    for (let i = 1; i < times.length; i++) assert.ok(times[i] > times[i - 1])
    // Two seconds of log, and one mean gap between its end and its new beginning.
    assert.equal(times[3] - times[0], 3_000_000)
    assert.equal(recorder.opens, 1)
  })

  it('lets others have their turn and stops in the middle, flat out', async () => {
    const line = (i: number) => `(${100 + i}.000000) can0 7FF#0011223344556677\n`
    const many = Array.from({ length: 20_000 }, (_, i) => line(i)).join('')
    const recorder = new Recorder(new HandClock())
    const stop = new AbortController()
    setImmediate(() => stop.abort())
    const file = logFile('e.log', many)
    await sensorOf({ file, pace: 'flat-out' }).run(recorder, stop.signal)
    assert.ok(recorder.seen.length < 20_000, `all ${recorder.seen.length} came before the abort`)
    assert.deepEqual(openUnder(folder), [])
  })

  it('stops while it waits for a frame that is far away, and can run again', async () => {
    const recorder = new Recorder(new HandClock())
    const sensor = sensorOf({ file: logFile('f.log', THREE) })
    for (const runs of [1, 2]) {
      const stop = new AbortController()
      const running = sensor.run(recorder, stop.signal)
      await recorder.until(() => recorder.seen.length === runs)
      stop.abort()
      await running
      assert.deepEqual(openUnder(folder), [])
    }
    assert.deepEqual(ids(recorder), [1, 1])
  })

  it('reads gzip through, whatever its name', async () => {
    const recorder = new Recorder(new HandClock())
    const file = logFile('plain-name.log', gzipSync(THREE))
    await sensorOf({ file, pace: 'flat-out' }).run(recorder, never)
    assert.deepEqual(ids(recorder), [1, 2, 3])
  })

  it('gives what a gzip file that was cut off still holds, and counts that', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => `(${i}.0) can0 7FF#${hex(i)}\n`).join('')
    const whole = gzipSync(many)
    const recorder = new Recorder(new HandClock())
    const file = logFile('cut.log.gz', whole.subarray(0, whole.length - 3000))
    await sensorOf({ file, pace: 'flat-out' }).run(recorder, never)
    assert.ok(recorder.seen.length > 1000 && recorder.seen.length < 5000)
    assert.ok((recorder.drops.parse_error ?? 0) >= 1)
  })

  it('counts lines that are no frames', async () => {
    const recorder = new Recorder(new HandClock())
    const file = logFile('g.log', `# drive\nrubbish\n${THREE}(1.0) can0 99#\n`)
    await sensorOf({ file, pace: 'flat-out' }).run(recorder, never)
    assert.deepEqual(ids(recorder), [1, 2, 3])
    assert.deepEqual(recorder.drops, { parse_error: 2 })
  })

  for (const [what, file] of [
    ['missing', join(folder, 'nowhere.log')],
    ['a folder', folder],
    ['no log at all', logFile('text.txt', 'once upon a time\nthere was a bus\n')],
    [
      'broken gzip',
      logFile('bad.gz', Buffer.concat([Buffer.from([31, 139]), Buffer.alloc(99, 7)])),
    ],
  ]) {
    it(`says LOG_UNREADABLE with a hint when the file is ${what}`, async () => {
      const running = sensorOf({ file, pace: 'flat-out' }).run(new Recorder(new HandClock()), never)
      await assert.rejects(running, (error: SensorError) => {
        assert.equal(error.code, 'LOG_UNREADABLE')
        assert.ok(error.message.includes(file) && error.hint)
        return true
      })
    })
  }

  it('refuses a config that it does not understand', () => {
    for (const bad of [
      {},
      { file: 'x', pace: 0 },
      { file: 'x', pace: 'fast' },
      { file: 'x', no: 1 },
    ])
      assert.equal(replay.config.safeParse(bad).success, false)
  })
})

function hex(i: number): string {
  return (Math.imul(i + 1, 2654435761) >>> 0).toString(16).padStart(8, '0')
}

/** Files below the folder that this process has open (proc(5), /proc/self/fd). */
function openUnder(path: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(path) ? [target] : []
    } catch {
      return []
    }
  })
}
