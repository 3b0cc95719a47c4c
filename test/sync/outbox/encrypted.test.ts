import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { decryptOutbox, encryptOutbox } from '../../../sync/outbox/encrypt.ts'
import type { KeySource } from '../../../sync/outbox/key.ts'
import { verifyOutbox } from '../../../sync/outbox/verify.ts'
import { Sync } from '../../../sync/sync-thread.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { openOutbox, readAll, record, textOf } from '../support.ts'

const SECRET = 'correct horse battery staple'
const TEXT = 'the-payload-that-nobody-may-read'

function keyFile(folder: string, secret = SECRET): KeySource {
  const file = join(folder, `${secret.length}.key`)
  writeFileSync(file, `${secret}\n`)
  return { file }
}

/** An outbox with 500 records, closed again. */
function filled(t: TestContext, key?: KeySource): string {
  const path = join(tempDir(t), 'o.db')
  const outbox = openOutbox(t, { path, ...(key && { key }) })
  for (let i = 0; i < 10; i++) {
    outbox.append(
      Array.from({ length: 50 }, () => record('events', JSON.stringify(TEXT.repeat(10)))),
    )
  }
  outbox.close()
  return path
}

/** Every file in the outbox's folder, with its bytes. */
const folderOf = (path: string) =>
  new Map(
    readdirSync(dirname(path))
      .sort()
      .map((name) => [name, readFileSync(join(dirname(path), name)).toString('base64')]),
  )

test('encrypted: no byte of a payload is in its files, and with the key all is there', (t) => {
  const key = keyFile(tempDir(t))
  const path = join(tempDir(t), 'o.db')
  const outbox = openOutbox(t, { path, key })
  outbox.append([record('critical', TEXT)])
  for (const name of readdirSync(dirname(path))) {
    assert.ok(!readFileSync(join(dirname(path), name)).includes(TEXT.slice(0, 8)), name)
  }
  outbox.close()
  const again = openOutbox(t, { path, key })
  assert.deepEqual(readAll(again).map(textOf), [TEXT])
  assert.equal(again.epoch, outbox.epoch)
})

const WRONG: Record<string, (t: TestContext) => KeySource | undefined> = {
  'no key': () => undefined,
  'another key': (t) => keyFile(tempDir(t), 'a completely different secret'),
  'a key too short to be one': (t) => keyFile(tempDir(t), 'short'),
  'a key file that is not there': () => ({ file: '/nowhere/key' }),
  'a command that fails': () => ({ command: ['false'] }),
  'a command that is not there': () => ({ command: ['no-such-tpm-tool'] }),
}
for (const [what, wrong] of Object.entries(WRONG)) {
  for (const stamped of [true, false]) {
    test(`${what} is refused with a hint, and nothing is touched (${stamped ? 'with' : 'without'} its stamp)`, (t) => {
      const path = filled(t, keyFile(tempDir(t)))
      if (!stamped) rmSync(`${path}-key.json`)
      const before = folderOf(path)
      const key = wrong(t)
      const error = throwsOf(() => openOutbox(t, { path, ...(key && { key }) }))
      assert.equal(error.code, 'OUTBOX_KEY', error.message)
      assert.ok(error.hint)
      assert.throws(() => verifyOutbox(path, key), { code: 'OUTBOX_KEY' })
      assert.deepEqual(folderOf(path), before)
    })
  }
}

function throwsOf(work: () => unknown): { code: string; message: string; hint?: string } {
  try {
    work()
  } catch (error) {
    return error as never
  }
  throw new Error('it was opened')
}

test('a plain file with a key is refused, encrypted it opens, and the way back works', (t) => {
  const path = filled(t)
  const key = keyFile(tempDir(t))
  const before = folderOf(path)
  const error = throwsOf(() => openOutbox(t, { path, key }))
  assert.equal(error.code, 'OUTBOX_KEY')
  assert.match(error.hint!, /buffer encrypt/)
  assert.deepEqual(folderOf(path), before)
  encryptOutbox(path, key)
  assert.ok(!readFileSync(path).includes(TEXT.slice(0, 8)))
  const outbox = openOutbox(t, { path, key })
  assert.equal(readAll(outbox).length, 500)
  outbox.append([record('critical', TEXT)])
  outbox.close()
  assert.deepEqual(verifyOutbox(path, key).problems, [])
  assert.throws(() => encryptOutbox(path, key), { code: 'OUTBOX_KEY' })
  decryptOutbox(path, key)
  assert.equal(readAll(openOutbox(t, { path })).length, 501)
  assert.ok(!existsSync(`${path}-key.json`))
})

test('a command prints the key, as a TPM’s tool does; what it says is in no error', (t) => {
  const command = ['printf', '%s', SECRET]
  const path = filled(t, { command })
  assert.equal(readAll(openOutbox(t, { path, key: { command } })).length, 500)
  const leaky = { command: ['sh', '-c', `echo ${SECRET}; echo ${SECRET} >&2; exit 3`] }
  const error = throwsOf(() => openOutbox(t, { path, key: leaky }))
  const shown = inspect(error, { depth: 20, showHidden: true }).replaceAll(leaky.command[2], '')
  assert.ok(!shown.includes(SECRET), shown)
})

test('damage to an encrypted file is damage: put aside, and read record by record with its key', (t) => {
  const key = keyFile(tempDir(t))
  const path = filled(t, key)
  const bytes = readFileSync(path)
  const page = Math.floor(bytes.length / 4096) - 6
  bytes.fill(0x5a, page * 4096, (page + 1) * 4096)
  writeFileSync(path, bytes)
  const outbox = openOutbox(t, { path, key })
  while (outbox.salvaging) outbox.tend()
  assert.ok(outbox.quarantined)
  const kept = outbox.waiting('events')
  assert.ok(kept > 400 && kept < 500, `${kept} kept`)
  assert.ok(!readFileSync(outbox.quarantined!.file).includes(TEXT.slice(0, 8)))
})

test('the whole way out with a key: kept through the thread, said in status', async (t) => {
  const path = join(tempDir(t), 'o.db')
  const key = keyFile(tempDir(t))
  const options = { path, vehicle: 'v1', bootId: 'b', key }
  const sync = await Sync.start({ outbox: options, uplink: { kind: 'none' } })
  sync.append(record('telemetry', TEXT))
  await sync.flush()
  assert.equal(sync.status().outbox.encrypted, true)
  await sync.close()
  const wrong = { ...options, key: keyFile(tempDir(t), 'another secret altogether') }
  await assert.rejects(Sync.start({ outbox: wrong, uplink: { kind: 'none' } }), {
    code: 'OUTBOX_KEY',
  })
  assert.equal(readAll(openOutbox(t, { path, key })).length, 1)
})
