import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadBundle } from '../../models/bundle/load.ts'
import { COMMAND } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'
import { CAR_SENSOR, copyOfBundle } from './bundles.ts'

const ROWS = fileURLToPath(new URL('./cases/car-vehicles/rows.csv', import.meta.url))

function model(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...COMMAND, 'model', ...args], {
    encoding: 'utf8',
  })
  return { status, stderr, lines: stdout.split('\n').filter((line) => line !== '') }
}

test('score writes a line for each row, and a JSON object with --json', () => {
  const text = model('score', CAR_SENSOR, '--input', ROWS)
  assert.equal(text.status, 0, text.stderr)
  assert.equal(text.lines.length, 26)
  assert.match(text.lines[2], /^3 ANOMALY score 2\d\.\d+ threshold 6\.27 {2}tire_pressure_1_1 9\d%/)
  assert.match(text.lines[3], /^4 ok /)
  assert.match(text.stderr, /26 rows, 3 above the threshold \(car-sensor [0-9a-f]{12}, compiled\)/)

  const { hash, manifest } = loadBundle(CAR_SENSOR)
  const json = model('score', CAR_SENSOR, '--input', ROWS, '--json', '--runtime', 'tfjs-cpu')
  const rows = json.lines.map((line) => JSON.parse(line))
  assert.deepEqual(
    rows.filter(({ anomaly }) => anomaly).map(({ row }) => row),
    [3, 5, 9],
  )
  for (const row of rows) {
    assert.equal(row.anomaly, row.score > row.threshold)
    assert.equal(row.threshold, manifest.threshold.value)
    assert.equal(row.bundleHash, hash)
    assert.equal(row.runtime, 'tfjs-cpu')
    assert.ok(row.contributors.length > 0)
  }
})

test('a bundle that is refused says why and what next, and nothing is scored', (t) => {
  const dir = copyOfBundle(t)
  const weights = readFileSync(join(dir, 'weights.bin'))
  weights[9] ^= 255
  writeFileSync(join(dir, 'weights.bin'), weights)
  for (const args of [
    ['score', dir, '-i', ROWS],
    ['verify', dir],
    ['show', dir],
  ]) {
    const { status, stderr, lines } = model(...args)
    assert.equal(status, 1)
    assert.match(stderr, /^BUNDLE_HASH: weights\.bin .*\nNext: /)
    assert.deepEqual(lines, [])
  }
})

test('a column that is missing is named, a cell that is no number has its line', (t) => {
  const dir = tempDir(t)
  const lines = readFileSync(ROWS, 'utf8').split('\n')
  const few = join(dir, 'few.csv')
  writeFileSync(few, lines.map((line) => line.split(',').slice(0, 8).join(',')).join('\n'))
  const missing = model('score', CAR_SENSOR, '-i', few)
  assert.equal(missing.status, 1)
  assert.match(missing.stderr, /INPUT_COLUMNS: .*speed, engine_vibration_amplitude, throttle_pos/)
  const wrong = join(dir, 'wrong.csv')
  lines[4] = lines[4].replace(',40,', ',warm,')
  writeFileSync(wrong, lines.join('\n'))
  const cell = model('score', CAR_SENSOR, '-i', wrong)
  assert.equal(cell.status, 1)
  assert.match(cell.stderr, /INPUT_VALUES: line 5: coolant_temp is "warm"/)
  assert.equal(cell.lines.length, 3, 'rows before it are scored')
})

test('verify and show tell of a bundle', () => {
  const { hash } = loadBundle(CAR_SENSOR)
  const verified = model('verify', CAR_SENSOR, '--hash', hash)
  assert.equal(verified.status, 0)
  assert.match(verified.lines[0], new RegExp(`^verified car-sensor ${hash}: .*on compiled`))
  const other = model('verify', CAR_SENSOR, '--hash', '0'.repeat(64))
  assert.equal(other.status, 1)
  assert.match(other.stderr, /BUNDLE_HASH/)
  const shown = model('show', CAR_SENSOR)
  assert.match(shown.lines.join('\n'), /tire_pressure_2_2 +psi +last +30 … 34, held 30 s/)
})
