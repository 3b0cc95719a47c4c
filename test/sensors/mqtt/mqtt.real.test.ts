import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import mqttClient, { type IClientOptions } from 'mqtt'
import type { SensorError } from '../../../sensors/errors.ts'
import { mqtt } from '../../../sensors/mqtt/mqtt.ts'
import { type Mosquitto, useMosquitto } from '../../support/mosquitto.ts'
import { HandClock, Recorder } from '../recorder.ts'

const seen = (recorder: Recorder) => recorder.told.map(({ name, value }) => [name, value])

/** A sensor on a broker, and somebody who publishes there. */
async function onBroker(
  broker: Mosquitto,
  config: Record<string, unknown>,
  work: (parts: {
    recorder: Recorder
    start(): Promise<void>
    stop(): void
    say(topic: string, payload: string | Buffer, retain?: boolean): Promise<unknown>
  }) => Promise<void>,
  publisher: IClientOptions = {},
): Promise<void> {
  const recorder = new Recorder(new HandClock())
  const sensor = mqtt.create(mqtt.config.parse({ url: broker.url, ...config }))
  const stop = new AbortController()
  const client = mqttClient.connect(broker.url, { reconnectPeriod: 50, ...publisher })
  client.on('error', () => {})
  try {
    await work({
      recorder,
      start: () => sensor.run(recorder, stop.signal),
      stop: () => stop.abort(),
      say: (topic, payload, retain = false) =>
        client.publishAsync(topic, payload, { qos: 1, retain }),
    })
  } finally {
    stop.abort()
    await client.endAsync(true)
  }
}

describe('MQTT from a real Mosquitto', async () => {
  const open = await useMosquitto()

  for (const version of ['5', '3.1.1']) {
    it(`reads plain values and JSON of wildcard topics, named by their levels (${version})`, async () => {
      const topics = [
        { topic: `v${version}/tank/+/level`, name: 'Tank.{1}.Level', unit: 'l', qos: 1 },
        {
          topic: `v${version}/+/sensors/#`,
          name: '{1}.{#}',
          fields: { 'hall.door.state': { values: { OPEN: 1, SHUT: 0 } } },
        },
      ]
      await onBroker(open, { version, topics }, async ({ recorder, start, stop, say }) => {
        const running = start()
        await recorder.until(() => recorder.opens === 1)
        await say(`v${version}/tank/7/level`, '12.5')
        await say(`v${version}/tank/8/level`, 'empty')
        await say(`v${version}/tank/level`, '3')
        await say(`v${version}/hall/sensors/air/1`, '{"temp":21,"co2":{"ppm":415},"ok":false}')
        await say(`v${version}/hall/sensors/door`, '{"state":"OPEN"}')
        await say(`v${version}/hall/sensors/door`, '{"state":"AJAR"}')
        await say(`v${version}/hall/sensors/cam`, Buffer.from([0xff, 0xfe, 0x00]))
        await say(`v${version}/tank/9/level`, 'x'.repeat(100_000))
        await say(`v${version}/tank/end/level`, '1')
        await recorder.until(() => recorder.told.at(-1)?.name === 'Tank.end.Level')
        stop()
        await running
        assert.deepEqual(seen(recorder), [
          ['Tank.7.Level', 12.5],
          ['hall.air.1.temp', 21],
          ['hall.air.1.co2.ppm', 415],
          ['hall.air.1.ok', 0],
          ['hall.door.state', 1],
          ['Tank.end.Level', 1],
        ])
        assert.deepEqual(recorder.drops, { parse_error: 3 })
        assert.equal(recorder.catalog.find('Tank.7.Level')?.unit, 'l')
      })
    })
  }

  it('leaves out retained messages, whose age nobody knows, unless told to take them', async () => {
    const topics = (retained: string) => [{ topic: 'old/#', retained }]
    await onBroker(open, { topics: topics('ignore') }, async ({ recorder, start, say }) => {
      await say('old/a', '1', true)
      void start()
      await recorder.until(() => recorder.opens === 1 && recorder.facts.retainedIgnored === 1)
      await say('old/b', '2')
      await recorder.until(() => recorder.told.length === 1)
      assert.deepEqual(seen(recorder), [['old.b', 2]])
    })
    await onBroker(open, { topics: topics('take') }, async ({ recorder, start }) => {
      void start()
      await recorder.until(() => recorder.told.length === 1)
      assert.deepEqual(seen(recorder), [['old.a', 1]])
    })
  })

  it('counts messages of topics that it does not look into', async () => {
    await onBroker(open, { topics: [{ topic: 'deep/#' }] }, async ({ recorder, start, say }) => {
      void start()
      await recorder.until(() => recorder.opens === 1)
      await say(`deep/${Array(40).fill('x').join('/')}`, '1')
      await recorder.until(() => recorder.facts.otherTopics === 1)
      assert.deepEqual(recorder.told, [])
    })
  })

  it('is lost when the broker dies, and runs again when it is back', async () => {
    const broker = await useMosquitto()
    await onBroker(broker, { topics: [{ topic: 'a' }] }, async (parts) => {
      const { recorder, start, say } = parts
      const first = start()
      await recorder.until(() => recorder.opens === 1)
      const lost = assert.rejects(first, { code: 'DEVICE_LOST' })
      await broker.kill()
      await lost
      await assert.rejects(start(), (error: SensorError) => {
        assert.equal(error.code, 'DEVICE_MISSING')
        assert.match(error.message, new RegExp(`127.0.0.1:${broker.port}`))
        assert.match(error.hint ?? '', /nc -vz/)
        return true
      })
      await broker.restart()
      void start()
      await recorder.until(() => recorder.opens === 2)
      await say('a', '5')
      await recorder.until(() => recorder.told.length === 1)
    })
  })

  it('uses TLS with both certificates and a password from file or environment', async () => {
    const login = { username: 'gate', password: 'pass word' }
    const broker = await useMosquitto({ tls: 'mutual', login })
    const files = broker.files!
    const file = join(broker.dir, 'secret')
    writeFileSync(file, `${login.password}\n`)
    process.env.MILEPOST_TEST_SECRET = login.password
    const topics = [{ topic: 'a' }]
    for (const password of [{ file }, { env: 'MILEPOST_TEST_SECRET' }]) {
      const config = { topics, username: login.username, password, tls: files }
      await onBroker(broker, config, async ({ recorder, start, stop }) => {
        const running = start()
        await recorder.until(() => recorder.opens === 1)
        stop()
        await running
      })
    }
    process.env.MILEPOST_TEST_SECRET = 'wrong'
    const denied = async (config: object, text: RegExp) =>
      onBroker(broker, { topics, username: login.username, ...config }, async ({ start }) => {
        await assert.rejects(start(), (error: SensorError) => {
          assert.equal(error.code, 'DEVICE_DENIED')
          assert.match(`${error.message} ${error.hint}`, text)
          return true
        })
      })
    const password = { file }
    await denied({ tls: files, password: { env: 'MILEPOST_TEST_SECRET' } }, /username and password/)
    await denied({ tls: files, password: { env: 'MILEPOST_TEST_NONE' } }, /MILEPOST_TEST_NONE/)
    await denied({ tls: files, password: { file: join(broker.dir, 'none') } }, /none/)
    await denied({ password }, /tls\.ca/)
    await denied({ tls: { ca: files.ca }, password }, /certificate/)
  })

  it('refuses configs that cannot work', () => {
    const fits = (config: object) => mqtt.config.safeParse({ url: open.url, ...config }).success
    assert.equal(fits({ topics: [{ topic: 'a/+/b', name: 'X.{1}' }] }), true)
    assert.equal(fits({ topics: [{ topic: 'a/+/b', name: 'X.{2}' }] }), false)
    assert.equal(fits({ topics: [{ topic: 'a/b#' }] }), false)
    assert.equal(fits({ topics: [{ topic: 'a/#/b' }] }), false)
    assert.equal(fits({ topics: [] }), false)
    assert.equal(fits({ topics: [{ topic: 'a' }], password: { env: 'X' } }), false)
    assert.equal(fits({ topics: [{ topic: 'a' }], tls: {} }), false)
    assert.equal(fits({ topics: [{ topic: 'a' }], url: 'http://x' }), false)
  })
})
