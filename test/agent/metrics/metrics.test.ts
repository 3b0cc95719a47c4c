import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import { makeLogger } from '../../../agent/log.ts'
import { METRICS } from '../../../agent/metrics/metrics.ts'
import { ROOT, writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

interface Got {
  readonly status: number
  readonly type: string
  readonly text: string
}

function get(socket: string, path: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket, path }, async (response) => {
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      const { statusCode = 0, headers } = response
      resolve({ status: statusCode, type: String(headers['content-type']), text })
    })
    call.on('error', reject)
    call.end()
  })
}

/** Value of a line of the text format. */
function sampleOf(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

test('metrics tell what the status says, health and readiness answer with their status', async (t) => {
  const config = loadConfig(
    writeConfig(tempDir(t), {
      sensors: [{ id: 'sim', kind: 'simulator', speed: 5 }],
      buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
      models: [{ bundle: join(ROOT, 'models/bundles/simulator') }],
      campaigns: [{ id: 'all', signals: ['*'], sampleEveryMs: 200 }],
    }),
  )
  const agent = await Agent.start(config, makeLogger('silent'))
  t.after(() => agent.stop())
  const socket = socketPath(config.dataDir)
  await until('records and inferences', () => {
    const { models, sync } = agent.status()
    return models[0].inferences > 0 && (sync?.lanes.telemetry.records ?? 0) > 2
  })
  const { status, type, text } = await get(socket, '/metrics')
  assert.equal(status, 200)
  assert.match(type, /^text\/plain; version=0\.0\.4/)
  assert.equal(sampleOf(text, 'milepost_sensor_live{sensor="sim"}'), 1)
  assert.ok(sampleOf(text, 'milepost_sensor_frames_total{sensor="sim"}') > 100)
  const lost = 'milepost_sensor_dropped_total{sensor="sim",cause="queue_full"}'
  assert.equal(sampleOf(text, lost), 0, 'each cause from the start')
  assert.ok(sampleOf(text, 'milepost_decoded_frames_total{result="decoded"}') > 100)
  assert.ok(sampleOf(text, 'milepost_model_inferences_total{model="simulator"}') > 0)
  assert.ok(sampleOf(text, 'milepost_outbox_records{lane="telemetry"}') > 2)
  const now = agent.status()
  const nothing = { ...now.sync!.lanes.telemetry, oldestTimeUs: 0 }
  const lanes = { ...now.sync!.lanes, telemetry: nothing }
  const oldest = METRICS.find(({ name }) => name === 'milepost_outbox_oldest_seconds')!
  const samples = oldest.samples({ ...now, sync: { ...now.sync!, lanes } })
  assert.equal(samples.find(({ labels }) => labels?.lane === 'telemetry')?.value, 0)
  assert.ok(sampleOf(text, 'milepost_outbox_oldest_seconds{lane="telemetry"}') > 0)
  assert.equal(sampleOf(text, 'milepost_outbox_ok'), 1)
  assert.equal(sampleOf(text, 'milepost_healthy'), 1)
  for (const { name, type: kind } of METRICS) {
    assert.match(text, new RegExp(`^# TYPE ${name} ${kind}$`, 'm'))
  }
  const health = await get(socket, '/healthz')
  assert.deepEqual([health.status, JSON.parse(health.text).healthy], [200, true])
  const ready = await until('readiness', async () => {
    const answer = await get(socket, '/readyz')
    return answer.status === 200 && answer
  })
  assert.equal(JSON.parse(ready.text).ready, true)
})

test('names of metrics are unique, well formed, and those that were promised', () => {
  const names = METRICS.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, type, help } of METRICS) {
    assert.match(name, /^milepost_[a-z_]+$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.match(help, /\.$/)
  }
  // Dashboards rest on these: a name may be added here, and none may go.
  const promised = readFileSync(join(import.meta.dirname, 'promised.txt'), 'utf8')
    .trim()
    .split('\n')
  assert.deepEqual(
    promised.filter((name) => !names.includes(name)),
    [],
  )
  assert.equal(promised.length, names.length, 'add the new names to promised.txt')
})
