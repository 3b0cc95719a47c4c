import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { formatCandump } from '../../../sensors/replay/candump.ts'
import { simulateDrive } from '../../../sensors/simulator/drive.ts'

const DRIVES = new URL('../../../sensors/simulator/drives/', import.meta.url)

describe('recorded drives', () => {
  it('coolant.log.gz is what its README says made it', () => {
    const recorded = gunzipSync(readFileSync(new URL('coolant.log.gz', DRIVES))).toString()
    let again = ''
    const faults = [{ kind: 'coolant' as const, atSec: 360 }]
    for (const batch of simulateDrive({ seed: 10, seconds: 600, faults, rateScale: 0.2 })) {
      for (let i = 0; i < batch.count; i++)
        again += `${formatCandump(batch, i, { nameOf: () => 'can0' })}\n`
    }
    const was = recorded.split('\n')
    const differs = again.split('\n').findIndex((line, i) => line !== was[i])
    assert.ok(again === recorded, `line ${differs + 1} differs: write the drive anew`)
  })
})
