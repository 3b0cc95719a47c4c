import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOurHost, isOurOrigin } from '../../../agent/web/guard.ts'
import { OpenStreams } from '../../../agent/web/open-streams.ts'

const at = (localAddress: string, host?: string) => ({
  host,
  origin: undefined,
  site: undefined,
  localAddress,
  secure: false,
})

test('a Host is ours where it is the address of the connection, or a name that the config knows', () => {
  const cases: readonly (readonly [string, string | undefined, boolean])[] = [
    ['127.0.0.1', '127.0.0.1:8080', true],
    ['127.0.0.1', 'localhost:8080', true],
    ['127.0.0.1', 'LOCALHOST', true],
    ['::ffff:127.0.0.1', '127.0.0.1:8080', true],
    ['::1', '[::1]:8080', true],
    ['::1', 'localhost', true],
    ['192.168.1.5', '192.168.1.5:8080', true],
    ['192.168.1.5', 'truck.local:8080', true],
    ['192.168.1.5', 'TRUCK.local', true],
    // A name of somebody else that points here: DNS rebinding.
    ['127.0.0.1', 'evil.example:8080', false],
    ['127.0.0.1', '127.0.0.1.evil.example', false],
    ['127.0.0.1', 'localhost.evil.example', false],
    ['192.168.1.5', 'localhost:8080', false],
    ['192.168.1.5', '192.168.1.6', false],
    ['192.168.1.5', '127.0.0.1', false],
    ['127.0.0.1', undefined, false],
    ['127.0.0.1', '', false],
    ['127.0.0.1', '127.0.0.1:8080@evil.example', false],
    ['127.0.0.1', '127.0.0.1/x', false],
    ['::1', '[::1', false],
  ]
  for (const [local, host, ours] of cases) {
    assert.equal(isOurHost(at(local, host), ['truck.local']), ours, `${host} at ${local}`)
  }
})

test('a request of another site’s page is not ours; one of no browser is', () => {
  const from = (origin?: string, site?: string, secure = false) => ({
    ...at('127.0.0.1', 'localhost:8080'),
    origin,
    site,
    secure,
  })
  assert.ok(isOurOrigin(from()))
  assert.ok(isOurOrigin(from('http://localhost:8080', 'same-origin')))
  assert.ok(isOurOrigin(from(undefined, 'none')))
  assert.ok(isOurOrigin(from('https://localhost:8080', 'same-origin', true)))
  assert.ok(isOurOrigin(from(undefined, 'cross-site'), true), 'a link that was followed')
  for (const origin of [
    'http://evil.example',
    'https://localhost:8080',
    'http://localhost',
    'null',
  ]) {
    assert.equal(isOurOrigin(from(origin)), false, origin)
    assert.equal(isOurOrigin(from(origin), true), false, origin)
  }
  for (const site of ['cross-site', 'same-site', 'anything']) {
    assert.equal(isOurOrigin(from(undefined, site)), false, site)
  }
})

test('places for streams: bounded for one caller and for all, and given back once', () => {
  const streams = new OpenStreams(3, 2)
  const [first, second] = [streams.enter('a'), streams.enter('a')]
  assert.ok(first && second)
  assert.equal(streams.enter('a'), undefined)
  assert.ok(streams.enter('b'))
  assert.equal(streams.enter('c'), undefined)
  first()
  first()
  assert.equal(streams.open, 2)
  assert.ok(streams.enter('c'))
  assert.equal(streams.enter('a'), undefined)
})
