import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../../agent/config/load.ts'
import { makeLogger } from '../../../agent/log.ts'
import { Tokens } from '../../../agent/web/tokens.ts'
import { writeConfig } from '../../support/cli.ts'
import { tempDir } from '../../support/temp-dir.ts'

const sensors = [{ id: 'sim', kind: 'simulator' }]

test('without a section there is no page; with an empty one it is on loopback', (t) => {
  const dir = tempDir(t)
  assert.equal(loadConfig(writeConfig(dir, { sensors })).web, undefined)
  assert.equal(loadConfig(writeConfig(dir, { sensors, web: {} })).web?.listen, '127.0.0.1:8080')
})

test('beyond loopback a config without TLS or a token is refused, and says what is missing', (t) => {
  const dir = tempDir(t)
  const load = (web: object) => loadConfig(writeConfig(dir, { sensors, web }))
  const tls = { cert: 'c.pem', key: 'k.pem' }
  const tokens = { read: { file: 'token' } }
  for (const listen of ['0.0.0.0:8443', '192.168.1.5:8443', '[::]:8443', '[fe80::1]:80']) {
    assert.throws(() => load({ listen }), /web\.listen: .*expected web\.tls.* and web\.tokens/)
    assert.throws(() => load({ listen, tls }), /expected web\.tokens/)
    assert.throws(() => load({ listen, tokens }), /expected web\.tls/)
    const given = load({ listen, tls, tokens }).web!
    assert.equal(given.tls?.cert, join(dir, 'c.pem'))
    assert.deepEqual(given.tokens.read, { file: join(dir, 'token') })
  }
  for (const listen of ['127.0.0.1:0', '127.9.9.9:80', '[::1]:8080']) load({ listen })
  for (const listen of ['localhost:80', '8080', '1.2.3:80', '127.0.0.1:99999', '[::1:80', '']) {
    assert.throws(() => load({ listen }), /an IP address and a port/, listen)
  }
})

test('tokens: what each may do, and which are refused', (t) => {
  const dir = tempDir(t)
  const log = makeLogger('silent')
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 })
    return { file: join(dir, name) }
  }
  const read = file('read', 'reader-0123456789\n')
  const operate = file('operate', 'operator-0123456789\n')
  const both = new Tokens({ read, operate }, log)
  assert.equal(both.allowed('Bearer reader-0123456789'), 'read')
  assert.equal(both.allowed('bearer operator-0123456789'), 'operate')
  for (const header of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic reader-0123456789',
    'Bearer reader-012345678',
    'Bearer reader-01234567890',
    `Bearer ${'x'.repeat(10_000)}`,
  ]) {
    assert.equal(both.allowed(header), 'nothing', header)
  }
  // Only one for operators: nobody looks without it.
  assert.equal(new Tokens({ operate }, log).allowed(undefined), 'nothing')
  const none = new Tokens({}, log)
  assert.equal(none.allowed(undefined), 'read')
  assert.equal(none.allowed('Bearer anything-0123456789'), 'read')
  for (const text of ['', 'short', 'two words-0123456789']) {
    assert.throws(() => new Tokens({ read: file('bad', text) }, log), { code: 'WEB_TOKEN' })
  }
  assert.throws(() => new Tokens({ read: { file: join(dir, 'none') } }, log), {
    code: 'WEB_TOKEN',
    hint: /openssl rand/,
  })
  assert.ok(!JSON.stringify(both).includes('0123456789'))
})
