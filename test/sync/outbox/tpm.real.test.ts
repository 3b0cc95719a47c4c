import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { verifyOutbox } from '../../../sync/outbox/verify.ts'
import { Sync } from '../../../sync/sync-thread.ts'
import { SoftwareTpm } from '../../support/software-tpm.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { openOutbox, readAll, record, textOf } from '../support.ts'

const SECRET = 'b5b1c8f0a4e34b6f9d1f6f0f6a2c7d8e'
const HANDLE = '0x81000001'
const MEASURED = '0x81000002'

const tpm = await SoftwareTpm.start()
after(() => tpm.stop())

/** As sync/outbox/README.md has it, line by line. */
function seal(handle: string, ...policy: string[]): void {
  tpm.run('tpm2_createprimary', ['-Q', '-C', 'o', '-c', 'primary.ctx'])
  const object = ['-Q', '-C', 'primary.ctx', '-u', 'key.pub', '-r', 'key.priv']
  tpm.run('tpm2_create', [...object, '-i', '-', ...policy], SECRET)
  tpm.run('tpm2_load', [...object, '-c', 'key.ctx'])
  tpm.run('tpm2_evictcontrol', ['-Q', '-C', 'o', '-c', 'key.ctx', handle])
}

test('a key that is sealed in a TPM opens the outbox; another TPM’s key does not', async (t) => {
  seal(HANDLE)
  const path = join(tempDir(t), 'o.db')
  const key = { command: tpm.unseal(HANDLE) }
  const options = { path, vehicle: 'v1', bootId: 'boot-1', key }
  const sync = await Sync.start({ outbox: options, uplink: { kind: 'none' } })
  sync.append(record('critical', 'kept'))
  await sync.flush()
  assert.equal(sync.status().outbox.encrypted, true)
  await sync.close()
  assert.deepEqual(verifyOutbox(path, key).problems, [])
  assert.deepEqual(readAll(openOutbox(t, { path, key })).map(textOf), ['kept'])

  const other = await SoftwareTpm.start()
  t.after(() => other.stop())
  for (const command of [other.unseal(HANDLE), tpm.unseal('0x81000009')]) {
    assert.throws(() => openOutbox(t, { path, key: { command } }), {
      code: 'OUTBOX_KEY',
      message: /"tpm2_unseal" gave no key \(exit code \d+\)/,
    })
  }
})

test('bound to what was booted, the key is not given out once that changed', (t) => {
  const pcr = 'sha256:7'
  tpm.run('tpm2_createpolicy', ['-Q', '--policy-pcr', '-l', pcr, '-L', 'pcr.policy'])
  seal(MEASURED, '-L', 'pcr.policy')
  const path = join(tempDir(t), 'o.db')
  const key = { command: tpm.unseal(MEASURED, '-p', `pcr:${pcr}`) }
  const outbox = openOutbox(t, { path, key })
  outbox.append([record('critical', 'kept')])
  outbox.close()
  tpm.run('tpm2_pcrextend', [`7:sha256=${'ab'.repeat(32)}`])
  assert.throws(() => openOutbox(t, { path, key }), { code: 'OUTBOX_KEY' })
})
