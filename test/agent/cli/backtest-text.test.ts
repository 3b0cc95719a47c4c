import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backtestNotes, backtestTable } from '../../../agent/cli/backtest-text.ts'
import type { BacktestResult } from '../../../agent/training/backtest.ts'

const START_US = Date.UTC(2026, 0, 1) * 1000

/** What came of one of two bundles that are versions of the same model. */
function version(hash: string, more: Partial<BacktestResult>): BacktestResult {
  return {
    ...{ name: 'truck', hash, kind: 'regression', threshold: 1.5 },
    ...{ rows: 7200, above: 0, invalid: 0, events: 0, hours: 2 },
    ...{ vehicles: new Set(['v-1']), troubled: new Set<string>(), told: [], notes: [] },
    // Only the picture draws it.
    curve: undefined as never,
    ...more,
  }
}

const older = version(`0a1b2c3d4e5f${'0'.repeat(52)}`, { notes: ['12 readings came late'] })
const newer = version(`f5e4d3c2b1a0${'9'.repeat(52)}`, {
  notes: ['7 readings came late'],
  events: 1,
  told: [
    { vehicle: 'v-1', beginUs: START_US, endUs: undefined, topScore: 3, signal: 'Thermostat' },
  ],
})

test('two bundles of one name are told apart, in the table, its events and the notes', () => {
  const table = backtestTable([older, newer])
  assert.match(table, /^bundle +truck +truck$/m)
  assert.match(table, /^hash +0a1b2c3d4e5f +f5e4d3c2b1a0$/m)
  assert.match(table, /^Events of truck 0a1b2c3d4e5f: none$/m)
  assert.match(
    table,
    /^Events of truck f5e4d3c2b1a0:\n {2}2026-01-01T00:00:00\.000Z {2}v-1 {2}goes on {2}top 3 {2}Thermostat$/m,
  )
  assert.equal(
    backtestNotes([older, newer]),
    'truck 0a1b2c3d4e5f: 12 readings came late.\ntruck f5e4d3c2b1a0: 7 readings came late.\n',
  )
})
