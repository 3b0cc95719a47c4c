import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { judgeDrive } from '../../agent/drives/judge.ts'
import { loadBundle } from '../../models/bundle/load.ts'
import { openNetwork } from '../../models/runtime/open.ts'

const bundle = loadBundle(
  fileURLToPath(new URL('../../models/bundles/simulator-slow', import.meta.url)),
)
const open = await openNetwork(bundle)

/** Seeds that the bundle was not trained on. */
const SEEDS = [611, 612]

test('its threshold was seen on a week of held-out drives', () => {
  const { basis, heldOutHours, heldOutAlarms, wanted } = bundle.manifest.threshold
  assert.equal(basis, 'observed')
  assert.ok(heldOutHours >= wanted.hours && heldOutAlarms <= wanted.alarms)
})

test('drives without a fault raise no alarm, from their first row on', () => {
  for (const seed of SEEDS) {
    const result = judgeDrive({ seed, seconds: 1200 }, bundle, open)
    assert.ok(result.rows > 1000, `${result.rows}`)
    assert.equal(result.falseAlarms, 0, `seed ${seed}: ${result.signal} ${result.topScore}`)
  }
})

/** As slow as in `npm run bench -- faults`, and named by the column that tells of it. */
const FAULTS = [
  { kind: 'slow-puncture', rate: 1, seconds: 2400, about: /tyres$/ },
  { kind: 'coolant', rate: 0.02, seconds: 4500, about: /^Thermostat$/ },
  { kind: 'bearing', rate: 0.02, seconds: 1800, about: /^Bearing$/ },
] as const

for (const { kind, rate, seconds, about } of FAULTS) {
  test(`a slow fault is found, and only once it is there: ${kind}`, () => {
    for (const seed of SEEDS) {
      const fault = { kind, rate, atSec: 900 }
      const result = judgeDrive({ seed, seconds, fault }, bundle, open)
      assert.equal(result.falseAlarms, 0, `seed ${seed}`)
      assert.notEqual(result.foundAfterSec, undefined, `seed ${seed}: not found`)
      assert.match(result.signal ?? '', about, `seed ${seed}`)
    }
  })
}
