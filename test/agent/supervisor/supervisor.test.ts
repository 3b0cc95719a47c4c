import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { Channels } from '../../../agent/channels.ts'
import { systemClock } from '../../../agent/clock.ts'
import type { SensorStatus } from '../../../agent/supervisor/sensor-status.ts'
import type { SupervisedHost } from '../../../agent/supervisor/supervised.ts'
import { Supervisor } from '../../../agent/supervisor/supervisor.ts'
import { SensorError } from '../../../sensors/errors.ts'
import { FrameBatch } from '../../../sensors/frame.ts'
import { ReadingBatch, SignalCatalog } from '../../../sensors/reading.ts'
import type { SensorContext } from '../../../sensors/sensor.ts'
import { until } from '../../support/until.ts'

type Run = (context: SensorContext, signal: AbortSignal, attempt: number) => Promise<void>

/** A supervisor over one sensor whose every opening is the given function. */
function supervise(
  run: Run,
  common: { onStartFail?: string; staleAfterMs?: number | 'auto' } = {},
  host: Partial<SupervisedHost> = {},
  sensors = 1,
) {
  let attempt = 0
  const kind = {
    kind: 'scripted',
    config: z.unknown(),
    rhythmic: true,
    create: () => ({ run: (c: SensorContext, s: AbortSignal) => run(c, s, attempt++) }),
  }
  const plan = {
    common: {
      id: 's',
      kind: 'scripted',
      bus: 'can0',
      onStartFail: 'retry',
      staleAfterMs: 0,
      ...common,
    },
    kind,
    config: {},
  }
  const states: string[] = []
  const caught: string[] = []
  const events: { type: string; content: Record<string, unknown> }[] = []
  const channels = new Channels(() => ({ name: 'can0', send: [], reads: undefined }))
  const parts: SupervisedHost = {
    catalog: new SignalCatalog(),
    clock: systemClock,
    frames: () => {},
    readings: () => {},
    event: (_sensor, type, content) => events.push({ type, content }),
    timeSeen: () => {},
    bus: (index) => channels.of(index),
    changed: (status: SensorStatus) => states.push(status.state),
    caught: (cause) => caught.push(cause),
    ...host,
  }
  const supervisor = new Supervisor(Array(sensors).fill(plan), () => 0, parts, { stopLimitMs: 50 })
  return { supervisor, states, events, caught, attempts: () => attempt }
}

const missing = () => new SensorError('DEVICE_MISSING', 'no such port', { hint: 'plug it in' })
const untilAborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort')
}

test('a device that is missing at first is opened as soon as it is there', async () => {
  const { supervisor, states } = supervise(async (context, signal, attempt) => {
    if (attempt === 0) throw missing()
    context.opened()
    await untilAborted(signal)
  })
  await supervisor.start()
  assert.equal(supervisor.status()[0].state, 'recovering')
  assert.deepEqual(supervisor.status()[0].lastError, {
    code: 'DEVICE_MISSING',
    message: 'no such port',
    hint: 'plug it in',
  })
  while (supervisor.status()[0].state !== 'live') await sleep(20)
  assert.equal(supervisor.status()[0].lastError, undefined)
  await supervisor.stop()
  assert.deepEqual(states, ['recovering', 'live', 'off'])
})

test('what listens to an opening is let go with it, however it ended', async () => {
  const signals: AbortSignal[] = []
  const { supervisor } = supervise(async (context, signal, attempt) => {
    signals.push(signal)
    signal.addEventListener('abort', () => context)
    context.opened()
    if (attempt < 2) throw missing()
    await untilAborted(signal)
  })
  await supervisor.start()
  await until('the third opening', () => signals.length === 3)
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, true, false],
  )
  await supervisor.stop()
  assert.equal(signals[2].aborted, true)
})

test('onStartFail: fail stops the start; ignore goes on without the sensor', async () => {
  const failing = supervise(() => Promise.reject(missing()), { onStartFail: 'fail' })
  await assert.rejects(failing.supervisor.start(), { code: 'DEVICE_MISSING' })
  const ignored = supervise(() => Promise.reject(missing()), { onStartFail: 'ignore' })
  await ignored.supervisor.start()
  assert.equal(ignored.supervisor.status()[0].state, 'failed')
  await ignored.supervisor.stop()
  assert.equal(ignored.attempts(), 1)
})

test('a silent device is stale, then reopened', async () => {
  const { supervisor, states, attempts } = supervise(
    async (context, signal) => {
      context.opened()
      const batch = new ReadingBatch(1)
      batch.push(0, 1, 1)
      context.readings(batch)
      await untilAborted(signal)
    },
    { staleAfterMs: 60 },
  )
  await supervisor.start()
  while (attempts() < 2) await sleep(20)
  await supervisor.stop()
  assert.deepEqual(states.slice(0, 4), ['live', 'stale', 'recovering', 'live'])
})

test('a device is not stale because this process stood still while it spoke', async (t) => {
  const staleAfterMs = 1000
  const speak = "setInterval(() => require('node:worker_threads').parentPort.postMessage(0), 100)"
  const device = new Worker(speak, { eval: true })
  t.after(() => device.terminate())
  await once(device, 'message')
  let [stood, heard] = [false, false]
  const standStill = () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2.2 * staleAfterMs)
    stood = true
  }
  const { supervisor, states } = supervise(
    async (context, signal) => {
      context.opened()
      const batch = new ReadingBatch(1)
      batch.push(0, 1, 1)
      device.on('message', () => {
        context.readings(batch)
        heard = stood
      })
      // Behind the first look, so that nothing is read before the next: that comes before what waits then.
      setTimeout(() => setImmediate(standStill), staleAfterMs)
      await untilAborted(signal)
    },
    { staleAfterMs },
  )
  await supervisor.start()
  await until('what was said meanwhile is heard', () => heard)
  await supervisor.stop()
  assert.deepEqual(states, ['live', 'off'])
})

test('a bus that falls silent against its own rhythm is opened again', async () => {
  let monoUs = 0
  const clock = { nowUs: () => 1.7e15 + monoUs, monoUs: () => monoUs }
  const { supervisor, states, attempts, events } = supervise(
    async (context, signal, attempt) => {
      context.opened()
      const batch = new ReadingBatch(1)
      batch.push(0, 1, 1)
      context.readings(batch)
      // Twenty readings a second, then a minute of nothing.
      for (let i = 0; attempt === 0 && i < 20; i++) {
        monoUs += 50_000
        context.readings(batch)
      }
      if (attempt === 0) monoUs += 60_000_000
      await untilAborted(signal)
    },
    { staleAfterMs: 'auto' },
    { clock },
  )
  await supervisor.start()
  await until('a second opening', () => attempts() >= 2)
  await supervisor.stop()
  assert.deepEqual(states.slice(0, 4), ['live', 'stale', 'recovering', 'live'])
  const [{ type, content }] = events
  assert.equal(type, 'milepost.sensor.gap.v1')
  assert.equal(content.cause, 'SILENT')
  assert.equal(content.durationMs, 60_000)
})

test('a gap is told once, when data is back, however often opening failed in between', async () => {
  const { supervisor, events } = supervise(async (context, signal, attempt) => {
    if (attempt === 1) throw missing()
    context.opened()
    const batch = new ReadingBatch(1)
    batch.push(0, 1, 1)
    context.readings(batch)
    if (attempt === 0) throw new SensorError('DEVICE_LOST', 'pulled')
    await untilAborted(signal)
  })
  await supervisor.start()
  assert.equal(supervisor.status()[0].gaps, 0)
  const lastUs = supervisor.status()[0].lastDataUs
  while (supervisor.status()[0].gaps === 0) await sleep(20)
  const status = supervisor.status()[0]
  await supervisor.stop()
  assert.equal(events.length, 1)
  const { type, content } = events[0]
  assert.equal(type, 'milepost.sensor.gap.v1')
  const { durationMs, ...rest } = content
  assert.deepEqual(rest, { kind: 'scripted', bus: 'can0', cause: 'DEVICE_LOST', fromUs: lastUs })
  assert.equal(durationMs, status.gapMs)
  assert.equal(status.gaps, 1)
})

test('a source that ends is off and is not opened again; losses are counted by cause', async () => {
  const { supervisor, attempts } = supervise(async (context) => {
    context.opened()
    context.dropped('parse_error', 2)
    context.dropped('parse_error', 3)
    context.dropped('kernel_overflow', 1)
  })
  await supervisor.start()
  await supervisor.ended()
  assert.equal(supervisor.status()[0].state, 'off')
  assert.deepEqual(supervisor.status()[0].dropped, { parse_error: 5, kernel_overflow: 1 })
  assert.equal(attempts(), 1)
})

test('what the agent does with the data does not end the sensor that gave them', async () => {
  const boom = (): never => {
    throw new Error('not the sensor')
  }
  const host = { frames: boom, readings: boom, event: boom, timeSeen: boom, changed: boom }
  const { supervisor, caught } = supervise(
    async (context, signal) => {
      context.opened()
      context.readings(new ReadingBatch(1))
      context.frames(new FrameBatch(1))
      context.event('x', {})
      context.timeSeen(1, 1)
      await untilAborted(signal)
    },
    {},
    host,
  )
  await supervisor.start()
  const [status] = supervisor.status()
  await supervisor.stop()
  assert.equal(status.state, 'live')
  assert.equal(status.lastError, undefined)
  assert.deepEqual(caught.slice(0, 5), [
    'state of s',
    'readings of s',
    'frames of s',
    'event of s',
    'time of s',
  ])
})

test('a start settles where a source ends without opening, and when it is asked to stop', async () => {
  const ending = supervise(async () => {})
  await ending.supervisor.start()
  assert.equal(ending.supervisor.status()[0].state, 'off')
  const stop = new AbortController()
  const { supervisor } = supervise(async (_context, signal) => untilAborted(signal))
  const started = supervisor.start(stop.signal)
  stop.abort()
  await started
  await supervisor.ended()
  assert.equal(supervisor.status()[0].state, 'off')
})

test('a sensor that does not end is named, and neither holds a stop up nor hides why a start failed', async () => {
  const hanging = supervise(async (context) => {
    context.opened()
    await new Promise(() => {})
  })
  await hanging.supervisor.start()
  await assert.rejects(hanging.supervisor.stop(), { code: 'STOP_TIMEOUT', message: /sensor s / })
  const failing = supervise(
    (_context, _signal, attempt) =>
      attempt === 0 ? Promise.reject(missing()) : new Promise(() => {}),
    { onStartFail: 'fail' },
    {},
    2,
  )
  await assert.rejects(failing.supervisor.start(), { code: 'DEVICE_MISSING' })
})
