import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LANES } from '../../../sync/record.ts'
import type { SyncOptions } from '../../../sync/sync-thread.ts'
import { useCentral } from '../../support/central.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'
import { until } from '../../support/until.ts'
import { makeFleet, readAll, values } from './support.ts'

/** The broker aborts what is open longer than this; it looks every second. */
const TRANSACTION_TIMEOUT_MS = 2_000
const STOPPED_MS = 5_000
/** Each at another moment of a transaction. */
const STOPS = 2

const central = await useCentral()

test('a machine that is suspended for longer than a transaction may last goes on: nothing lost, nothing twice', async (t) => {
  const { origin, config } = await makeFleet(central)
  const options: SyncOptions = {
    outbox: { path: join(tempDir(t), 'o.db'), vehicle: origin.vehicle, bootId: 'b' },
    uplink: {
      kind: 'kafka',
      ...config,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      sendTimeoutMs: 8_000,
    },
    pump: { minRetryMs: 50, fencedRetryMs: 500 },
  }
  const script = new URL('./stopped-sender.ts', import.meta.url).pathname
  const args = [...TYPESCRIPT, script, JSON.stringify(options)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  // What it said last may come after its exit.
  const ended = once(child, 'close')
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000)
  })
  const sent = () => Number(said.split('\n').at(-2)?.split(' ')[0] ?? 0)
  for (let stop = 0; stop < STOPS; stop++) {
    const before = sent()
    await until('it sends', () => sent() > before + 30)
    child.kill('SIGSTOP')
    await sleep(STOPPED_MS)
    child.kill('SIGCONT')
  }
  const before = sent()
  await until('it sends again', () => sent() > before)
  child.stdin.end('\n')
  assert.deepEqual(await ended, [0, null])
  const given = Number(/given (\d+)/.exec(said)?.[1])
  for (const lane of LANES) {
    const read = values(await readAll({ brokers: config.brokers, topic: config.topics[lane] }))
    assert.deepEqual(
      read,
      Array.from({ length: given }, (_, n) => `${n}`),
      lane,
    )
  }
})
