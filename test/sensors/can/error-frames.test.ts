import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BusErrors } from '../../../sensors/can/error-frames.ts'
import { FRAME_ERR, FrameBatch } from '../../../sensors/frame.ts'

function frameOf(kind: number, ...data: number[]): FrameBatch {
  const batch = new FrameBatch(1)
  batch.count = 1
  batch.id[0] = kind
  batch.flags[0] = FRAME_ERR
  batch.data.set(data)
  return batch
}

test('a controller on its way to bus-off and back', () => {
  const errors = new BusErrors()
  const states = [
    frameOf(0x004, 0, 0x04),
    frameOf(0x004, 0, 0x10),
    frameOf(0x004, 0, 0x20),
    frameOf(0x040),
    frameOf(0x100),
    frameOf(0x004, 0, 0x30),
    frameOf(0x004, 0, 0x40),
  ].map((frame) => {
    errors.take(frame, 0)
    return errors.state
  })
  assert.deepEqual(states, [
    'error-warning',
    'error-passive',
    'error-passive',
    'bus-off',
    'error-active',
    'error-passive',
    'error-active',
  ])
  const { errorPassives, busOffs, restarts, errorFrames } = errors
  assert.deepEqual([errorPassives, busOffs, restarts, errorFrames], [2, 1, 1, 7])
})

test('causes are counted apart; counters are shown once a driver tells them', () => {
  const errors = new BusErrors()
  assert.equal('txErrorCount' in errors.facts(), false)
  for (const frame of [
    frameOf(0x002, 11),
    frameOf(0x088, 0, 0, 4, 3),
    frameOf(0x020),
    frameOf(0x204, 0, 0x01, 0, 0, 0, 0, 12, 99),
  ]) {
    errors.take(frame, 0)
  }
  assert.deepEqual(errors.facts(), {
    busState: 'unknown',
    errorFrames: 4,
    busOffs: 0,
    restarts: 0,
    errorPassives: 0,
    lostArbitrations: 1,
    protocolErrors: 1,
    missingAcks: 1,
    controllerOverflows: 1,
    txErrorCount: 12,
    rxErrorCount: 99,
  })
})
