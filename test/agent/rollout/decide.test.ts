import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countStage, decide, type WatchLimits } from '../../../agent/rollout/decide.ts'
import { Outcomes } from '../../../agent/rollout/outcomes.ts'
import type { UpdateStep } from '../../../agent/updates/steps.ts'
import type { RolloutEntry } from '../../../models/release/entry.ts'
import { placeOf } from '../../../models/release/place.ts'

const FILE = 'a'.repeat(64)
const FLEET = Array.from({ length: 100 }, (_, i) => `truck-${i}`)
const LIMITS: WatchLimits = { timeoutMs: 1000, maxFailedShare: 0.1, minGood: 1 }

function entry(percent: number, more: Partial<RolloutEntry> = {}): RolloutEntry {
  const stages = [
    { name: 'canary', percent: 10 },
    { name: 'all', percent: 100 },
  ]
  const candidate = { path: 'bundle/engine/2.tar', version: '2', length: 1, sha256: FILE }
  const stage = percent === 100 ? 'all' : 'canary'
  return { format: 1, candidate, seed: 's', state: 'running', stage, percent, stages, ...more }
}

const inStage = (percent: number) => FLEET.filter((v) => placeOf(v, 's') < percent * 100)

function look(
  told: Record<string, Partial<UpdateStep>[]>,
  is: RolloutEntry,
  nowMs = 0,
  limits = LIMITS,
) {
  const outcomes = new Outcomes({ brokers: [] }, 'none')
  for (const [vehicle, steps] of Object.entries(told)) {
    for (const step of steps) {
      outcomes.take(vehicle, { phase: 'good', timeUs: 1, file: FILE, ...step })
    }
  }
  const count = countStage(is, FLEET, (vehicle, file) => outcomes.of(vehicle, file), {
    sinceMs: 0,
    nowMs,
    timeoutMs: limits.timeoutMs,
  })
  return { count, decision: decide(is, count, limits) }
}

const all = (vehicles: string[], step: Partial<UpdateStep> = {}) =>
  Object.fromEntries(vehicles.map((vehicle) => [vehicle, [step]]))

test('a stage is left once every vehicle of it is good, and not before', () => {
  const canary = inStage(10)
  assert.ok(canary.length > 3)
  assert.equal(look({}, entry(10)).decision.is, 'wait')
  assert.equal(look(all(canary.slice(1)), entry(10)).decision.is, 'wait')
  assert.equal(look(all(canary), entry(10)).decision.is, 'advance')
  // What vehicles outside of the stage tell has no weight.
  const others = FLEET.filter((vehicle) => !canary.includes(vehicle))
  assert.equal(look(all(others), entry(10)).decision.is, 'wait')
  assert.equal(look(all(FLEET), entry(100)).decision.is, 'done')
})

test('failures above their share take it back, with the reason, at once', () => {
  const [first, second] = inStage(10)
  const bad = { phase: 'back', code: 'nan', reason: 'no number for 20 of 20 rows' } as const
  const { decision, count } = look({ [first]: [bad], [second]: [bad] }, entry(10))
  assert.equal(decision.is, 'abort')
  assert.match(decision.reason, /no number for 20 of 20 rows/)
  assert.equal(count.failed, 2)
  // One of a hundred is within its share.
  const rest = FLEET.filter((vehicle) => vehicle !== first)
  assert.equal(look({ ...all(rest), [first]: [bad] }, entry(100)).decision.is, 'done')
})

test('vehicles that should have told and did not count as failures after the time-out', () => {
  const canary = inStage(10)
  const told = all(canary.slice(2))
  assert.equal(look(told, entry(10), 999).decision.is, 'wait')
  const late = look(told, entry(10), 1000)
  assert.deepEqual([late.count.timedOut, late.decision.is], [2, 'abort'])
  const patient = look(told, entry(10), 1000, { ...LIMITS, maxFailedShare: 0.9 })
  assert.equal(patient.decision.is, 'advance')
})

test('the last that a vehicle told counts; what a changed rollout ended says nothing', () => {
  const canary = inStage(10)
  const steps: Partial<UpdateStep>[] = [{ phase: 'good' }, { phase: 'back', code: 'MENDED' }]
  assert.equal(look({ ...all(canary), [canary[0]]: steps }, entry(10)).count.failed, 1)
  const withdrawn: Partial<UpdateStep>[] = [
    { phase: 'trial' },
    { phase: 'back', code: 'WITHDRAWN' },
  ]
  assert.equal(look({ ...all(canary), [canary[0]]: withdrawn }, entry(10)).count.underWay, 1)
  const again: Partial<UpdateStep>[] = [
    { phase: 'failed' },
    { phase: 'attempt' },
    { phase: 'good' },
  ]
  assert.equal(look({ ...all(canary), [canary[0]]: again }, entry(10)).decision.is, 'advance')
})

test('vehicles without such a model are not waited for; an empty stage is passed; what is over is over', () => {
  const canary = inStage(10)
  const told = { ...all(canary.slice(1)), [canary[0]]: [{ phase: 'skipped' } as const] }
  assert.equal(look(told, entry(10)).decision.is, 'advance')
  assert.equal(look({}, entry(0)).decision.is, 'advance')
  assert.equal(look({}, entry(0, { state: 'aborted', note: 'NaN' })).decision.is, 'over')
  assert.equal(look(all(FLEET), entry(10, { state: 'paused' })).decision.is, 'wait')
})
