import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { onCron } from '../../../agent/updates/cron-trigger.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** A clock of its own, at ten seconds to seven; `goOn` lets it run. */
function stoppedClock(t: TestContext, random: number) {
  const startMs = new Date(2026, 0, 5, 6, 59, 50).getTime()
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: startMs })
  t.mock.method(Math, 'random', () => random)
  const calls: number[] = []
  const call = () => void calls.push(Date.now() - startMs)
  const goOn = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += SECOND) {
      t.mock.timers.tick(SECOND)
      // What a timer began with a promise goes on before the next second.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { calls, call, goOn }
}

test('it calls when the expression says so, after its part of the jitter, each time', async (t) => {
  const { calls, call, goOn } = stoppedClock(t, 0.5)
  const stop = onCron('*/2 * * * *', MINUTE, call)
  await goOn(39 * SECOND)
  assert.deepEqual(calls, [], 'seven o’clock has passed, half of the jitter has not')
  await goOn(5 * MINUTE)
  const late = calls.map((ms) => Math.round(ms / SECOND))
  // At 7:00, 7:02 and 7:04, half a minute late.
  for (const [i, wanted] of [40, 160, 280].entries()) {
    assert.ok(Math.abs(late[i] - wanted) <= 2, `${late} seconds`)
  }
  assert.equal(calls.length, 3)
  stop()
})

test('once it is ended nothing comes, neither what is due nor what waits for its jitter', async (t) => {
  const { calls, call, goOn } = stoppedClock(t, 0.9)
  const stop = onCron('* * * * *', MINUTE, call)
  await goOn(30 * SECOND)
  stop()
  await goOn(5 * MINUTE)
  assert.deepEqual(calls, [])
})

test('without jitter it calls at once', async (t) => {
  const { calls, call, goOn } = stoppedClock(t, 0.9)
  const stop = onCron('* * * * *', 0, call)
  await goOn(15 * SECOND)
  assert.equal(calls.length, 1)
  stop()
})
