import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CENTRAL_HOME } from '../../../deploy/central/home.ts'
import { createClient } from '../../../sync/kafka/client.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { produce } from '../../sync/kafka/support.ts'

const ENDS_LIMIT_MS = 60_000

interface Ready {
  bootstrap: string
  s3: { endpoint: string }
  topics: string[]
  pids: { broker: number; objectStore: number }
}

describe('npm run central', () => {
  let dataDir: string
  const started: ChildProcess[] = []
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'milepost-npm-central-'))
  })
  after(async () => {
    for (const child of started) child.kill('SIGKILL')
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 500 })
  })

  /** Starts it as a person would, and resolves with the line that it prints when it runs. */
  async function start(): Promise<{ child: ChildProcess; ready: Ready }> {
    const child = spawn(
      process.execPath,
      [
        ...[...TYPESCRIPT, join(CENTRAL_HOME, 'main.ts'), '--json', '--quick-tier'],
        ...['--data-dir', dataDir, '--kafka-port', '0', '--s3-port', '0'],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    started.push(child)
    for await (const line of createInterface({ input: child.stdout! })) {
      return { child, ready: JSON.parse(line) as Ready }
    }
    throw new Error(`it ended with ${child.exitCode}`)
  }

  test('keeps data and addresses, stops cleanly, and leaves nothing behind when it is killed', async () => {
    const first = await start()
    assert.ok(first.ready.topics.includes('milepost.telemetry'))
    const messages = [{ value: 'kept', partition: 0 }]
    await produce(first.ready.bootstrap, (producer) =>
      producer.send({ topic: 'milepost.events', messages }),
    )
    first.child.kill('SIGINT')
    assert.deepEqual(await once(first.child, 'exit'), [0, null])
    assert.deepEqual(living(first.ready), [])

    const second = await start()
    assert.equal(second.ready.bootstrap, first.ready.bootstrap)
    assert.equal(second.ready.s3.endpoint, first.ready.s3.endpoint)
    assert.equal(await endOffset(second.ready.bootstrap), 1)
    assert.equal(living(second.ready).length, 2)
    second.child.kill('SIGKILL')
    await once(second.child, 'exit')
    await untilGone(second.ready)

    // After that kill too: the broker had the time to close its log.
    const third = await start()
    assert.equal(await endOffset(third.ready.bootstrap), 1)
    process.kill(third.ready.pids.broker, 'SIGKILL')
    assert.deepEqual(await once(third.child, 'exit'), [1, null], 'it says that its broker is gone')
    assert.deepEqual(living(third.ready), [])
  })
})

async function endOffset(bootstrap: string): Promise<number> {
  const { kafka, sockets } = await createClient({ brokers: [bootstrap] })
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets('milepost.events')
  await admin.disconnect()
  sockets.destroy()
  return Number(offsets.find(({ partition }) => partition === 0)?.offset)
}

function living({ pids }: Ready): number[] {
  return [pids.broker, pids.objectStore].filter((pid) => {
    try {
      process.kill(pid, 0)
      return true
    } catch {
      return false
    }
  })
}

async function untilGone(ready: Ready): Promise<void> {
  const giveUpMs = Date.now() + ENDS_LIMIT_MS
  while (living(ready).length > 0) {
    assert.ok(Date.now() < giveUpMs, `still there: ${living(ready)}`)
    await sleep(100)
  }
}
