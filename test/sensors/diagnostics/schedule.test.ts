import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Schedule } from '../../../sensors/diagnostics/schedule.ts'

/** Lets a schedule run in virtual time against an ECU that takes `answerUs` for each answer. */
function drive(
  periodsMs: readonly number[],
  answerUs: number,
  options: { load?: number; minGapMs?: number; answers?: (n: number) => boolean },
  untilUs: number,
) {
  const jobs = periodsMs.map((ms, what) => ({ what, periodUs: ms * 1000 }))
  const schedule = new Schedule(jobs, 0, options)
  const asked: { what: number; atUs: number; endUs: number }[] = []
  let nowUs = 0
  while (nowUs < untilUs) {
    const next = schedule.next(nowUs)!
    const atUs = Math.max(nowUs, next.atUs)
    const answered = options.answers?.(asked.length) ?? true
    nowUs = atUs + answerUs
    asked.push({ what: next.what, atUs, endUs: nowUs })
    schedule.asked(next.what, atUs, nowUs, answered)
  }
  return asked
}

test('with time enough, each question keeps its period', () => {
  const asked = drive([100, 500], 2000, {}, 10_000_000)
  const times = (what: number) => asked.filter((a) => a.what === what).length
  assert.ok(Math.abs(times(0) - 100) <= 2, `${times(0)}`)
  assert.ok(Math.abs(times(1) - 20) <= 2, `${times(1)}`)
})

test('what comes once an hour and is not answered is asked again soon, and ever more rarely', () => {
  const seconds = (asked: { atUs: number }[]) => asked.map(({ atUs }) => Math.round(atUs / 1e6))
  const lost = drive([3_600_000], 1000, { answers: (n) => n >= 3 }, 7_300e6)
  assert.deepEqual(seconds(lost), [0, 1, 3, 7, 3607, 7207, 10807])
  const never = seconds(drive([3_600_000], 1000, { answers: () => false }, 12 * 3_600e6))
  assert.ok(never.length <= 12 + 13, `${never}`)
})

test('a slow ECU is busy for no more than its share, never asked twice at once, and nothing starves', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 20, max: 5000 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1000, max: 400_000 }),
      fc.constantFrom(0.1, 0.3, 0.5, 0.9),
      (periods, answerUs, load) => {
        const untilUs = 60_000_000 + periods.length * (answerUs / load) * 20
        const asked = drive(periods, answerUs, { load, minGapMs: 0 }, untilUs)
        for (let i = 1; i < asked.length; i++) assert.ok(asked[i].atUs >= asked[i - 1].endUs)
        const spanUs = asked.at(-1)!.endUs
        assert.ok((asked.length * answerUs) / spanUs <= load * 1.05 + answerUs / spanUs)
        assert.equal(new Set(asked.map((a) => a.what)).size, periods.length)
      },
    ),
    { numRuns: 50 },
  )
})

test('where there is more to ask than time, everything gets rarer in the same measure', () => {
  const asked = drive([100, 200, 400], 100_000, { load: 1, minGapMs: 0 }, 120_000_000)
  const times = [0, 1, 2].map((what) => asked.filter((a) => a.what === what).length)
  assert.ok(Math.abs(times[0] / times[1] - 2) < 0.5, `${times}`)
  assert.ok(Math.abs(times[1] / times[2] - 2) < 0.5, `${times}`)
})

test('what is asked once an hour is asked soon for the first time', () => {
  const asked = drive([20, 20, 3_600_000], 50_000, {}, 2_000_000)
  assert.ok(asked.slice(0, 3).some((a) => a.what === 2))
})

test('without answers the questions get rarer, up to five seconds; with one they are as before', () => {
  const asked = drive([20], 100_000, { answers: (n) => n >= 14 }, 60_000_000)
  const gaps = asked.slice(1).map((a, i) => a.atUs - asked[i].endUs)
  for (let i = 1; i < 13; i++) assert.ok(gaps[i] >= gaps[i - 1])
  assert.equal(Math.max(...gaps), 5_000_000)
  assert.ok(gaps[15] <= 200_000)
})
