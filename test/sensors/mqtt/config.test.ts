import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mqttConfig } from '../../../sensors/mqtt/config.ts'

const parsed = (url: string) => mqttConfig.safeParse({ url, topics: [{ topic: 'a/#' }] })

test('a url names a broker', () => {
  for (const url of [
    'mqtt://host:1883',
    'mqtts://[::1]:8883',
    'ws://host/mqtt',
    'wss://host',
    'mqtt://host?x=a@b',
  ])
    assert.ok(parsed(url).success, url)
  for (const url of ['host:1883', 'http://host', 'mqtt://', 'mqtt:///a', 'mqtt://ho st', ''])
    assert.match(parsed(url).error?.issues[0].message ?? url, /expected mqtt:/)
})

test('a login in the url is refused, told where it belongs, and not repeated', () => {
  for (const url of [
    'mqtt://bob:secret@host',
    'mqtts://bob@host:8883',
    'ws://:secret@host/mqtt',
    'mqtt://bob:se%40ret@host:1883/',
  ]) {
    const { error } = parsed(url)
    assert.equal(error?.issues.length, 1, url)
    assert.match(error.issues[0].message, /username and password: \{ file: … \}/)
    assert.doesNotMatch(error.message, /bob|secret/)
  }
})
