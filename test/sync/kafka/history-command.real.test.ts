import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { before, describe, test } from 'node:test'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { useCentral } from '../../support/central.ts'
import { COMMAND, Milepost, milepost } from '../../support/cli.ts'
import { type Fleet, makeFleet, produce, Records } from './support.ts'

const RECORDS = 3_000

const central = await useCentral()

describe('milepost history', () => {
  let fleet: Fleet
  let topic: string
  before(async () => {
    fleet = await makeFleet(central)
    topic = fleet.config.topics.telemetry
    const uplink = createKafkaUplink(fleet.config)
    await uplink.open(fleet.origin)
    await uplink.send(new Records().take(RECORDS))
    await uplink.close()
  })

  const run = (...args: string[]) =>
    milepost('history', '--brokers', central.bootstrap, '--topic', topic, ...args)

  test('one JSON line a record, a summary on standard error', async () => {
    const { code, stdout, stderr } = await run()
    assert.equal(code, 0, stderr)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(lines.length, RECORDS)
    assert.deepEqual(
      lines.map(({ value }) => value.seq),
      lines.map((_, n) => n + 1),
    )
    const [first] = lines
    assert.deepEqual(Object.keys(first), [
      'partition',
      'offset',
      'timeUs',
      'key',
      'headers',
      'value',
    ])
    assert.equal(first.key, fleet.origin.vehicle)
    assert.equal(first.headers.ce_id, `${fleet.origin.vehicle}/epoch-1/1`)
    assert.match(stderr, /^3,000 records, /)
  })

  test('limit, vehicle, range and count', async () => {
    assert.equal((await run('--limit', '2')).stdout.split('\n').length, 3)
    assert.equal((await run('--count')).stdout, `${RECORDS}\n`)
    assert.equal((await run('--count', '--from', '2990', '--to', '2995')).stdout, '5\n')
    assert.equal((await run('--count', '--vehicle', fleet.origin.vehicle)).stdout, `${RECORDS}\n`)
    assert.equal((await run('--count', '--vehicle', 'nobody')).stdout, '0\n')
    assert.equal((await run('--count', '--from', '-1h')).stdout, `${RECORDS}\n`)
    const { stderr } = await run('--count', '--json', '--to', '1970-01-02')
    const { records, ranges } = JSON.parse(stderr)
    assert.deepEqual([records, ranges.length], [0, 3])
  })

  test('of a range by times it is told how many records carry no time, and what else would find them', async () => {
    const topic = central.unique('untimed')
    await central.createTopics([{ topic, partitions: 1, config: {} }])
    const none = { value: '{}', timestamp: '-1' }
    const send = (messages: { value: string; timestamp?: string }[]) =>
      produce(central.bootstrap, (producer) => producer.send({ topic, messages }))
    const count = async (...args: string[]) => {
      const at = ['--brokers', central.bootstrap, '--topic', topic, '--count']
      const { stdout, stderr } = await milepost('history', ...at, ...args)
      return { records: Number(stdout), stderr }
    }
    await send([none])
    const nothing = await count('--from', '-1h')
    assert.equal(nothing.records, 0)
    assert.match(nothing.stderr, /carry no time: offsets find them too$/m)
    await send([{ value: '{}' }, none, none])
    const some = await count('--from', '-1h')
    assert.equal(some.records, 3)
    assert.match(some.stderr, /^2 of them carry no time: they are in by where they lie/m)
    const { untimed } = JSON.parse((await count('--from', '-1h', '--json')).stderr)
    assert.equal(untimed, 2)
    const all = await count('--from', '0')
    assert.equal(all.records, 4)
    assert.doesNotMatch(all.stderr, /no time/)
  })

  test('numbers keep their digits, other payloads are base64', async () => {
    const topic = central.unique('payloads')
    await central.createTopics([{ topic, partitions: 1, config: {} }])
    const avro = { 'content-type': 'application/avro' }
    const messages = [
      { value: '{"big":\n 12345678901234567890}' },
      { value: '1', headers: avro },
      { value: '{broken' },
      { value: null },
    ]
    await produce(central.bootstrap, (producer) => producer.send({ topic, messages }))
    const { stdout } = await milepost('history', '--brokers', central.bootstrap, '--topic', topic)
    const tails = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(line.indexOf('},') + 2))
    assert.deepEqual(tails, [
      '"value":{"big":  12345678901234567890}}',
      '"valueBase64":"MQ=="}',
      '"valueBase64":"e2Jyb2tlbg=="}',
      '"value":null}',
    ])
  })

  test('wrong usage is 2, a failure is 1, and both say what to do', async () => {
    for (const args of [
      ['--from', 'yesterday'],
      ['--limit', '0'],
      ['--brokers', 'nowhere'],
    ]) {
      const { code, stderr } = await run(...args)
      assert.equal(code, 2, stderr)
      assert.match(stderr, /Next: /)
    }
    const missing = await run('--topic', central.unique('missing'))
    assert.equal(missing.code, 1)
    assert.match(missing.stderr, /UPLINK_TOPIC_MISSING.*\nNext: /)
  })

  test('a reader that goes away ends it in peace', async () => {
    const command = new Milepost(['history', '--brokers', central.bootstrap, '--topic', topic])
    await once(command.child.stdout!, 'data')
    command.child.stdout!.destroy()
    const { code, stderr } = await command.finished
    assert.equal(code, 0, stderr)
  })

  test('Ctrl-C ends it with 130', async () => {
    const args = [...COMMAND, 'history', '--brokers', central.bootstrap, '--topic', topic]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    // Nobody reads on: the pipe is full, and the command waits.
    await once(child.stdout, 'readable')
    child.kill('SIGINT')
    child.stdout.resume()
    assert.deepEqual(await once(child, 'exit'), [130, null])
  })
})
