import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ObdConfig, ObdSensor, obd } from '../../../sensors/obd/obd.ts'
import { until } from '../../support/until.ts'
import { bench, runUntil } from '../diagnostics/bench.ts'

const LOST_AFTER_MS = 1000
const LOOKS = 5

function sensor(config: Record<string, unknown>): ObdSensor {
  return new ObdSensor(obd.config.parse({ lostAfterMs: LOST_AFTER_MS, ...config }) as ObdConfig)
}

/** Holds up all that this thread does: it is as if the process had been stopped. */
const standStill = (ms: number) =>
  void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/** Lets a sensor look so often whether its vehicle is still there; rejects where it ends before. */
async function looks(one: ObdSensor, looked: () => void = () => {}): Promise<void> {
  const { recorder } = bench()
  let count = 0
  recorder.device = () => {
    count++
    looked()
  }
  const stop = new AbortController()
  const running = one.run(recorder, stop.signal)
  await Promise.race([until(`${LOOKS} looks`, () => count >= LOOKS), running])
  assert.ok(count >= LOOKS, 'it goes on')
  stop.abort()
  await running
}

test('a vehicle is not lost while this process stands still', async () => {
  await looks(sensor({ defaultEveryMs: 50 }), () => standStill(1.5 * LOST_AFTER_MS))
})

test('a vehicle is not lost while it is asked nothing', async () => {
  await looks(sensor({ defaultEveryMs: 0, codesEveryMs: 3_600_000 }))
})

test('answers that came while this process stood still are heard: who is there, and what it has', async () => {
  const { recorder } = bench()
  const send = recorder.channel.send.bind(recorder.channel)
  const still = new Set(['7df 01 00', '7e0 01 00', '7e0 01 0c'])
  recorder.channel.send = (id, ext, frame, flags) => {
    send(id, ext, frame, flags)
    const asked = Buffer.from(frame.subarray(1, 3))
      .toString('hex')
      .replace(/(..)(..)/, '$1 $2')
    // Once the wait for the answer has begun, and before anybody heard the question.
    if (still.delete(`${id.toString(16)} ${asked}`)) process.nextTick(standStill, 700)
  }
  await runUntil(sensor({ defaultEveryMs: 50 }), recorder, () => recorder.told.length > 20)
  assert.equal(still.size, 0)
  assert.match(String(recorder.facts['7E8'] ?? ''), /^$|, 0 unanswered/)
})
