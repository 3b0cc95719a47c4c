import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { judgeDrive } from '../../agent/drives/judge.ts'
import { loadBundle } from '../../models/bundle/load.ts'
import { openNetwork } from '../../models/runtime/open.ts'

const bundle = loadBundle(fileURLToPath(new URL('../../models/bundles/simulator', import.meta.url)))
const open = await openNetwork(bundle)

/** Seeds that the bundle was not trained on. */
const SEEDS = [601, 602, 603]
const HEALTHY_SEC = 600
const FAULT_SEC = 300

for (const speed of [1, 10]) {
  test(`drives without a fault raise no alarm, time × ${speed}`, () => {
    for (const seed of SEEDS) {
      const result = judgeDrive({ seed, seconds: HEALTHY_SEC, speed }, bundle, open)
      assert.ok(result.rows > (HEALTHY_SEC / speed) * 0.9)
      assert.equal(result.falseAlarms, 0, `seed ${seed}: ${result.signal} ${result.topScore}`)
    }
  })
}

/** What the first contributor must be about; several follow from one another. */
const FAULTS = [
  { kind: 'puncture', seconds: 900, about: /^Tyre\.Pressure/ },
  { kind: 'coolant', seconds: 1200, about: /^EngineTemp\./ },
  { kind: 'bearing', seconds: 600, about: /^Vibration\./ },
  { kind: 'battery', seconds: 600, about: /^Battery\./ },
] as const

for (const { kind, seconds, about } of FAULTS) {
  test(`a planted fault is found, once it was planted: ${kind}`, () => {
    for (const seed of SEEDS) {
      const fault = { kind, atSec: FAULT_SEC }
      const result = judgeDrive({ seed, seconds, fault }, bundle, open)
      assert.equal(result.falseAlarms, 0, `seed ${seed}`)
      assert.notEqual(result.foundAfterSec, undefined, `seed ${seed}: not found`)
      assert.match(result.signal ?? '', about, `seed ${seed}`)
    }
  })
}
