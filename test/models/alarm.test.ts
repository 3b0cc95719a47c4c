import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Alarm } from '../../models/alarm.ts'

const SPEC = { clearRatio: 0.8, coolDownMs: 3000, minDurationMs: 2000 }

/** Steps a second apart; tells at which second each event begins or ends. */
function events(scores: number[], spec = SPEC, times = scores.map((_, i) => i)): string[] {
  const alarm = new Alarm(10, spec, 5000)
  return scores.flatMap((score, i) => {
    const event = alarm.step(score, times[i] * 1e6)
    return event ? [`${event} ${times[i]}`] : []
  })
}

test('begins only after the minimum duration above the threshold', () => {
  assert.deepEqual(events([1, 11, 11, 9, 11, 11, 11]), ['begin 6'])
  assert.deepEqual(events([11, 1, 11, 1, 11, 1]), [])
  assert.deepEqual(events([11, 1], { ...SPEC, minDurationMs: 0, coolDownMs: 0 }), [
    'begin 0',
    'end 1',
  ])
})

test('one fault that trembles is one event', () => {
  const trembling = [11, 11, 11, 9, 11, 7, 7, 12, 8.5, 7, 7, 20, 7, 7, 7, 7]
  assert.deepEqual(events(trembling), ['begin 2', 'end 15'])
})

test('between clear level and threshold an event goes on', () => {
  assert.deepEqual(events([11, 11, 11, 9, 9, 9, 9, 9, 9, 9]), ['begin 2'])
})

test('rows far apart, or in a clock that went back, are no stretch of time', () => {
  assert.deepEqual(events([11, 11, 11, 11], SPEC, [0, 1, 60, 61]), [])
  assert.deepEqual(events([11, 11, 11, 11, 11], SPEC, [100, 101, 50, 51, 52]), ['begin 52'])
})
