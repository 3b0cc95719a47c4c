import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { securedCentral, USER } from '../../support/secured-central.ts'
import { Setup } from './setups.ts'

const kafka = await securedCentral()
const WRONG = 'not-the-pa55word'

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
