import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { makeLogger } from '../../../agent/log.ts'
import type { WebStatus } from '../../../agent/web/web-part.ts'
import { milepostTopics } from '../../../deploy/central/topics.ts'
import { useCentral } from '../../support/central.ts'
import { Authority } from '../../support/certificates.ts'
import { ROOT, writeConfig } from '../../support/cli.ts'
import { findProgram, needPrograms } from '../../support/programs.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { FOLDER, queries } from './boards.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'

needPrograms({ prometheus: 'prometheus', promtool: 'prometheus', openssl: 'openssl' })
const central = await useCentral()
await central.createTopics(milepostTopics('demo'))

const SOUND = { id: 'engine', kind: 'simulator', seed: 1, speed: 5 }
/** A device that is not there: tried again, never live. */
const ABSENT = { id: 'gps', kind: 'nmea', port: '/dev/milepost-is-not-there' }

interface Served {
  readonly target: string
  readonly agent: Agent
}

/** An authority, a certificate of it for a page, and a file with a token that reads. */
async function secrets(t: TestContext) {
  const dir = tempDir(t)
  const authority = await Authority.make(dir)
  const { cert, key } = await authority.sign('web')
  const token = join(dir, 'token')
  writeFileSync(token, 'a-token-that-reads-0123456789\n', { mode: 0o600 })
  return { authority, tls: { cert, key }, token }
}

/** A vehicle whose page is open by TLS and a token, as one in the field would be. */
async function vehicle(
  t: TestContext,
  name: string,
  tls: { cert: string; key: string },
  tokenFile: string,
  config: Record<string, unknown>,
): Promise<Served> {
  const file = writeConfig(tempDir(t), {
    vehicle: name,
    buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
    campaigns: [{ id: 'drive', signals: ['*'], sampleEveryMs: 200 }],
    models: [{ bundle: join(ROOT, 'models/bundles/simulator') }],
    web: { listen: '127.0.0.1:0', tls, tokens: { read: { file: tokenFile } } },
    ...config,
  })
  const agent = await Agent.start(loadConfig(file), makeLogger('silent'))
  t.after(() => agent.stop())
  const url = await until('the page to listen', () => {
    const web = agent.status().parts.web as WebStatus
    return web.state === 'listening' && web.url
  })
  return { target: new URL(url ?? '').host, agent }
}

/** The README's block, with the files and targets of this test in it. */
function guidesConfig(files: Record<string, string>, targets: readonly string[]): unknown[] {
  const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8')
  const [, block] = /^```yaml\n([\s\S]*?)^```$/m.exec(readme)!
  let text = block
  for (const [from, to] of Object.entries(files)) {
    assert.ok(text.includes(from), `the README names ${from}`)
    text = text.replaceAll(from, to)
  }
  const { scrape_configs: found } = parse(text) as {
    scrape_configs: { static_configs: unknown }[]
  }
  assert.equal(found.length, 1)
  return [{ ...found[0], static_configs: [{ targets }] }]
}

async function withData(prometheus: Prometheus, promql: string): Promise<boolean> {
  const found = await prometheus.query(promql)
  return found.length > 0 && found.every(({ value }) => Number.isFinite(Number(value[1])))
}

test('a real Prometheus scrapes as the README says, and every panel of every dashboard has data', async (t) => {
  const { authority, tls, token } = await secrets(t)
  const [sound, ill] = [central.unique('sound'), central.unique('ill')]
  const [first, second] = await Promise.all([
    vehicle(t, sound, tls, token, {
      sensors: [SOUND],
      uplink: { kind: 'kafka', brokers: [central.bootstrap] },
    }),
    // Nobody is at port 9: records wait.
    vehicle(t, ill, tls, token, {
      sensors: [SOUND, ABSENT],
      uplink: { kind: 'kafka', brokers: ['127.0.0.1:9'] },
    }),
  ])
  const scrape = guidesConfig(
    { '/etc/prometheus/milepost-ca.pem': authority.file, '/etc/prometheus/milepost-token': token },
    [first.target, second.target],
  )
  const prometheus = await startPrometheus(t, scrape)
  execFileSync(findProgram('promtool')!, ['check', 'config', prometheus.configFile])
  await until('both vehicles to be scraped', async () => {
    const targets = await prometheus.targets()
    // A slow machine may miss the first deadlines of a second.
    const wrong = targets.find(({ lastError }) => lastError && !/deadline/.test(lastError))
    if (wrong) throw new Error(`${wrong.scrapeUrl}: ${wrong.lastError}`)
    return targets.length === 2 && targets.every(({ health }) => health === 'up')
  })
  for (const { board, panel, expr } of queries()) {
    const vehicles = expr.includes('$vehicle') ? [sound] : ['']
    for (const name of vehicles) {
      const promql = expr.replaceAll('$vehicle', name)
      await until(`data in ${board}, ${panel}: ${promql}`, () => withData(prometheus, promql))
    }
  }
  // A scrape that was late makes a hole of a second.
  const becomes = async (promql: string, vehicle: string | undefined, wanted: string) => {
    await until(`${promql} to be ${wanted} of ${vehicle}`, async () => {
      const found = await prometheus.query(promql)
      return (
        found.length === 1 && found[0].metric.vehicle === vehicle && found[0].value[1] === wanted
      )
    })
  }
  await becomes('count(milepost_info)', undefined, '2')
  const notLive = queries().find(({ panel }) => panel === 'Sensors not live')!
  await becomes(notLive.expr, ill, '1')
  const down = queries().find(({ panel }) => panel === 'Uplink not live')!
  await becomes(down.expr, undefined, '1')
})

test('without its token Prometheus is told nothing', async (t) => {
  const { authority, tls, token } = await secrets(t)
  const { target } = await vehicle(t, 'closed', tls, token, { sensors: [SOUND] })
  const prometheus = await startPrometheus(t, [
    {
      ...{ job_name: 'milepost', scheme: 'https', tls_config: { ca_file: authority.file } },
      static_configs: [{ targets: [target] }],
    },
  ])
  await until('the scrape to be refused', async () =>
    (await prometheus.targets()).find(
      ({ health, lastError }) => health === 'down' && /401/.test(lastError),
    ),
  )
  assert.deepEqual(await prometheus.query('milepost_info'), [])
})
