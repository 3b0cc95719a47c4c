import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { readOnlyFiles } from '../../../agent/memory/let-go.ts'
import { TYPESCRIPT } from '../../support/typescript.ts'

const map = (head: string, anonymousKiB: number): string =>
  `${head}\nSize: 64 kB\nRss: 64 kB\nAnonymous:      ${anonymousKiB} kB\nVmFlags: rd ex\n`

test('only what is as its file has it is given back', () => {
  const smaps = [
    map('00400000-00e37000 r--p 00000000 fe:00 105 /usr/lib/milepost/node/bin/node', 0),
    map('00e37000-032e7000 r-xp 00a37000 fe:00 105 /usr/lib/milepost/node/bin/node', 0),
    // Relocated, then closed for writing.
    map('06b11000-06b21000 r--p 02ee8000 fe:00 105 /usr/lib/milepost/node/bin/node', 64),
    map('06b21000-06b31000 rw-p 02ee8000 fe:00 105 /usr/lib/milepost/node/bin/node', 0),
    map('07000000-07010000 r-xs 00000000 fe:00 106 /usr/lib/shared.so', 0),
    map('08000000-08010000 r--p 00000000 00:00 0 ', 0),
    map('09000000-09010000 r-xp 00000000 00:00 0 [vdso]', 0),
  ].join('')
  assert.deepEqual(readOnlyFiles(smaps), [
    { address: 0x400000n, bytes: 0xa37000 },
    { address: 0xe37000n, bytes: 0x24b0000 },
  ])
})

test('a process that let go is smaller, and goes on', () => {
  const program = `
    import { readFileSync } from 'node:fs'
    import { gzipSync, gunzipSync } from 'node:zlib'
    import { letGo } from ${JSON.stringify(join(import.meta.dirname, '../../../agent/memory/let-go.ts'))}
    const rss = () => Number(/^Rss: +(\\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))[1])
    // Loaded, and its pages touched, before anything is measured.
    letGo()
    gunzipSync(gzipSync('warm'))
    const before = rss()
    letGo()
    const after = rss()
    const text = 'still here '.repeat(1000)
    const same = gunzipSync(gzipSync(text)).toString() === text
    console.log(JSON.stringify({ before, after, same }))`
  const args = [...TYPESCRIPT, '--input-type=module', '-e', program]
  const ran = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(ran.status, 0, ran.stderr)
  const { before, after, same } = JSON.parse(ran.stdout)
  assert.ok(after < before, `${after} kB after ${before} kB`)
  assert.ok(same)
})
