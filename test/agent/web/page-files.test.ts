import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { PAGE_DIR } from '../../../agent/web/pages.ts'
import { buildPage } from '../../support/page-build.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { startWebAgent } from './web-agent.ts'

/** What the whole page may weigh on its way to a phone. */
const MAX_BYTES = 200_000

test('the built page, fonts included, is under 200 kB compressed and names no other place', async (t) => {
  await buildPage()
  const files = readdirSync(PAGE_DIR, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => ({ name, data: readFileSync(join(parentPath, name)) }))
  const sizes = files.map(({ name, data }) => [name, gzipSync(data, { level: 6 }).length] as const)
  const total = sizes.reduce((sum, [, size]) => sum + size, 0)
  t.diagnostic(`${total} bytes: ${sizes.map(([name, size]) => `${name} ${size}`).join(', ')}`)
  assert.ok(total < MAX_BYTES, `${total} bytes`)
  assert.ok(
    files.some(({ name }) => name.endsWith('.woff2')),
    'the fonts are there',
  )
  for (const { name, data } of files) {
    if (name.endsWith('.woff2')) continue
    // Names of XML are no addresses that anybody asks.
    const addresses = (data.toString('utf8').match(/https?:\/\/[^\s"'`)]+/g) ?? []).filter(
      (address) => !address.startsWith('http://www.w3.org/'),
    )
    assert.deepEqual(addresses, [], name)
  }
})

test('every file of the page is served as what it is, and kept by browsers as long as it holds', async (t) => {
  await buildPage()
  const { url } = await startWebAgent(t, tempDir(t))
  const html = await (await fetch(url)).text()
  const named = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path)
  assert.ok(named.length >= 3, html)
  for (const path of named) {
    const response = await fetch(url + path)
    assert.equal(response.status, 200, path)
    const type = response.headers.get('content-type') ?? ''
    assert.match(type, /javascript|css|svg/, path)
    const kept = /-[\w-]{8}\.\w+$/.test(path) ? /immutable/ : /no-cache/
    assert.match(response.headers.get('cache-control') ?? '', kept, path)
    await response.body?.cancel()
  }
})
