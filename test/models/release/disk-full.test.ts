import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeDesk, makeVehicle, release } from './desk.ts'

const code = (error: unknown) => (error as { code?: string }).code

test('a real disk that fills up in mid-download and in mid-refresh: told, kept, taken up', async (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'milepost-release-disk-'))
  let mounted = false
  t.after(() => {
    if (mounted) execFileSync('umount', ['-l', disk])
    rmSync(disk, { recursive: true, force: true })
  })
  try {
    const options = ['-t', 'tmpfs', '-o', 'size=4m', 'milepost-test', disk]
    execFileSync('mount', options, { stdio: 'ignore' })
    mounted = true
  } catch {
    t.diagnostic('1 case not tried: may not mount a tmpfs')
    return
  }
  const desk = await makeDesk(t)
  const bytes = randomBytes(2_500_000)
  await release(desk, '1', bytes)
  const dir = join(disk, 'vehicle')
  mkdirSync(dir)
  const { client } = makeVehicle(t, desk, { dir, limits: { reserveBytes: 0 } })
  const plan = await client.refresh()
  const [engine] = plan.releases
  const hog = join(disk, 'hog')
  writeFileSync(hog, Buffer.alloc(3_000_000))
  await assert.rejects(client.download(engine), (error) => code(error) === 'RELEASE_DISK_FULL')
  // The last byte too: not even metadata can be written.
  assert.throws(
    () => {
      for (;;) writeFileSync(hog, Buffer.alloc(4096), { flag: 'a' })
    },
    { code: 'ENOSPC' },
  )
  await release(desk, '2')
  await assert.rejects(client.refresh(), (error) => code(error) === 'RELEASE_DISK_FULL')
  assert.deepEqual(await client.plan(), plan)
  rmSync(hog)
  assert.equal((await client.refresh()).releases[0].version, '2')
  let first: number | undefined
  const path = await client.download(engine, undefined, (progress) => {
    first ??= progress.bytes
  })
  assert.ok(first! > 0, 'what came before the disk was full is kept')
  assert.deepEqual(readFileSync(path), bytes)
})
