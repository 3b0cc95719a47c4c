import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freePort } from '../../deploy/central/ports.ts'
import { milepost, writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'

/** A folder with a short drive in it, and the sensor that replays it. */
async function drive(t: TestContext) {
  const dir = tempDir(t)
  const file = join(dir, 'drive.log')
  const made = await milepost('simulate', '--seconds', '3', '--out', file)
  assert.equal(made.code, 0, made.stderr)
  return { dir, sensor: { id: 'drive', kind: 'replay', file, pace: 'flat-out' } }
}

test('--exit-at-end tells what still waits for its uplink, and exits with 1', async (t) => {
  const { dir, sensor } = await drive(t)
  const uplink = { kind: 'mqtt', url: `mqtt://127.0.0.1:${await freePort()}` }
  const config = writeConfig(dir, { sensors: [sensor], uplink })
  const run = await milepost('run', '-c', config, '--exit-at-end', '--delivery-limit-ms', '4000')
  assert.equal(run.code, 1, run.stderr)
  assert.match(run.stderr, /^[\d,]+ records? left in the outbox/m)
})

test('--exit-at-end exits with 1 where a sensor failed, and names it', async (t) => {
  const { dir, sensor } = await drive(t)
  const gone = { id: 'gone', kind: 'slcan', port: join(dir, 'no-such-port'), bitrate: 500000 }
  const sensors = [sensor, { ...gone, onStartFail: 'ignore' }]
  const run = await milepost('run', '-c', writeConfig(dir, { sensors }), '--exit-at-end')
  assert.equal(run.code, 1, run.stderr)
  assert.match(run.stderr, /^Sensor gone failed: DEVICE_MISSING/m)
})
