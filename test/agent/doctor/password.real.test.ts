import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask } from '../../../agent/control/client.ts'
import { socketPath } from '../../../agent/control/socket-path.ts'
import type { AgentStatus } from '../../../agent/status.ts'
import { Milepost, milepost } from '../../support/cli.ts'
import { useMosquitto } from '../../support/mosquitto.ts'
import { securedCentral, USER } from '../../support/secured-central.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { archiveText, assertWithout } from './no-secret.ts'
import { Setup } from './setups.ts'

const kafka = await securedCentral()
const WRONG = 'not-the-pa55word'
const MQTT_SECRET = 'depot+pa55/never'
const OUTBOX_SECRET = 'an-outbox-k3y-of-many-letters'

for (const mechanism of ['plain', 'scram-sha-512']) {
  test(`first of all: a wrong password for Kafka by ${mechanism}`, async (t) => {
    const setup = new Setup(t)
    const file = join(setup.dir, 'password')
    writeFileSync(file, `${WRONG}\n`)
    const sasl = { mechanism, username: USER.name, password: { file } }
    setup.config.uplink = { kind: 'kafka', brokers: [kafka.sasl], sasl }
    await setup.start()
    const findings = await setup.comesFirst('UPLINK_DENIED')
    assert.match(findings[0].next ?? '', /Check user and secret/)
    assert.equal(findings[0].command, `sudoedit ${setup.file}`)
    assert.doesNotMatch(JSON.stringify(findings), new RegExp(WRONG))
  })
}

test('a whole agent at Kafka, Mosquitto and an encrypted outbox: no secret in its log, status or archive', async (t) => {
  const mosquitto = await useMosquitto({ login: { username: 'depot', password: MQTT_SECRET } })
  const setup = new Setup(t)
  const secret = (name: string, text: string) => {
    const file = join(setup.dir, name)
    writeFileSync(file, `${text}\n`, { mode: 0o600 })
    return { file }
  }
  const password = secret('kafka.secret', WRONG)
  setup.config = {
    ...setup.config,
    log: { level: 'debug' },
    sensors: [
      { id: 'engine', kind: 'simulator' },
      {
        ...{ id: 'depot', kind: 'mqtt', url: mosquitto.url, topics: [{ topic: 'room/+' }] },
        ...{ username: 'depot', password: secret('mqtt.secret', MQTT_SECRET) },
      },
    ],
    uplink: {
      ...{ kind: 'kafka', brokers: [kafka.sasl] },
      sasl: { mechanism: 'plain', username: USER.name, password },
    },
    outbox: { key: secret('outbox.key', OUTBOX_SECRET) },
  }
  setup.write()
  const place = ['-c', setup.file]
  const agent = new Milepost(['run', ...place])
  t.after(() => agent.child.kill('SIGKILL'))
  const statusWhen = (what: string, done: (status: AgentStatus) => unknown) =>
    until(what, async () => {
      const status = await ask<AgentStatus>(socketPath(setup.data), 'GET', '/status').catch(
        () => undefined,
      )
      if (!status && agent.child.exitCode !== null) throw new Error(agent.stderr)
      return status && done(status) ? JSON.stringify(status) : false
    })
  const texts = new Map<string, string>()
  const error = ({ sync }: AgentStatus) => sync?.uplink.lastError?.message ?? ''
  texts.set(
    'status while refused',
    await statusWhen('Kafka refuses the wrong one', (status) =>
      /SASL|credential/i.test(error(status)),
    ),
  )
  secret('kafka.secret', USER.password)
  // This user has no rights: to be told so, it must have been let in.
  texts.set(
    'status while let in',
    await statusWhen('Kafka takes the right one', (status) => /AUTHORIZATION/.test(error(status))),
  )
  await statusWhen('Mosquitto lets it in', ({ sensors }) =>
    sensors.some(({ id, state }) => id === 'depot' && state === 'live'),
  )
  const archive = join(setup.dir, 'archive.tar.gz')
  for (const args of [['status'], ['doctor', '--all'], ['bundle', '--yes', '-o', archive]]) {
    const { stdout, stderr } = await milepost(...args, ...place)
    texts.set(args.join(' '), stdout + stderr)
  }
  agent.child.kill('SIGTERM')
  const { code, stdout, stderr } = await agent.finished
  assert.equal(code, 0, stderr)
  assert.match(stderr, /UPLINK_DENIED/)
  texts.set('log', stdout + stderr)
  texts.set('archive', await archiveText(archive, tempDir(t)))
  for (const [what, text] of texts) {
    assert.ok(text.length > 0, what)
    assertWithout([USER.password, WRONG, MQTT_SECRET, OUTBOX_SECRET], what, text)
  }
})
