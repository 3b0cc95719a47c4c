import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadBundle } from '../../../models/bundle/load.ts'
import { openNetwork } from '../../../models/runtime/open.ts'
import { TRIAL_LIMITS, type TrialLimits } from '../../../models/trial/limits.ts'
import { Trial } from '../../../models/trial/trial.ts'
import { CAR_SENSOR } from '../bundles.ts'

const LIMITS: TrialLimits = { ...TRIAL_LIMITS, minRows: 100, minMs: 1000 }

/** A machine whose time and memory the test sets. */
const machine = () => {
  const at = { us: 0, bytes: 50 << 20 }
  return { at, monoUs: () => at.us, memoryBytes: () => at.bytes }
}

async function trial(limits = LIMITS, from?: { rows: number; ms: number }) {
  const bundle = loadBundle(CAR_SENSOR)
  const open = await openNetwork(bundle)
  const on = machine()
  const made = new Trial(bundle, open, limits, on, from)
  const fast = bundle.manifest.limits.latencyUs / 2
  return { made, at: on.at, fast, slow: fast * 4, open }
}

test('good after so many rows and so much time, whichever is later', async () => {
  const { made, at, fast } = await trial()
  for (let i = 0; i < 200; i++) made.scored(fast)
  assert.equal(made.judge().is, 'going')
  at.us = 1_000_000
  assert.equal(made.judge().is, 'good')
  const late = await trial()
  late.at.us = 60_000_000
  assert.equal(late.made.judge().is, 'going', 'time alone shows nothing')
})

test('what was shown before a clean stop counts', async () => {
  const { made, at, fast } = await trial(LIMITS, { rows: 90, ms: 900 })
  for (let i = 0; i < 20; i++) made.scored(fast)
  at.us = 100_000
  assert.equal(made.judge().is, 'good')
})

test('rows without a number, slow rows, memory and errors are bad, each by name', async () => {
  const nan = await trial()
  for (let i = 0; i < 20; i++) nan.made.invalid()
  const slow = await trial()
  for (let i = 0; i < 100; i++) slow.made.scored(i < 12 ? slow.slow : slow.fast)
  const memory = await trial()
  memory.at.bytes += 129 << 20
  const errors = await trial()
  errors.made.threw(new Error('a column too many'))
  const verdicts = [nan, slow, memory, errors].map(({ made }) => made.judge())
  assert.deepEqual(
    verdicts.map((verdict) => verdict.is === 'bad' && verdict.cause),
    ['nan', 'latency', 'memory', 'errors'],
  )
})

test('a few slow rows are the engine warming up, and one bad row of three is no share', async () => {
  const { made, fast, slow } = await trial()
  made.invalid()
  for (let i = 0; i < 5; i++) made.scored(slow)
  assert.equal(made.judge().is, 'going')
  for (let i = 0; i < 100; i++) made.scored(fast)
  assert.equal(made.judge().is, 'going')
})

test('golden rows are looked at once more at the end', async () => {
  const { made, at, fast, open } = await trial()
  const predict = open.network.predict.bind(open.network)
  open.network.predict = (rows, count, out) => {
    predict(rows, count, out)
    out[0] += 0.5
  }
  for (let i = 0; i < 100; i++) made.scored(fast)
  at.us = 2_000_000
  const verdict = made.judge()
  assert.equal(verdict.is === 'bad' && verdict.cause, 'golden')
})
