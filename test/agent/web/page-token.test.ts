import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBrowser } from '../../support/browser.ts'
import { Authority } from '../../support/certificates.ts'
import { buildPage } from '../../support/page-build.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { audit, enterToken, openView, says, textOf, watched } from './page-views.ts'
import { startWebAgent } from './web-agent.ts'

const TOKEN = 'reader-0123456789'

test('over TLS with a token: nothing is shown without it, all with it, and it goes with the tab', async (t) => {
  await buildPage()
  const dir = tempDir(t)
  const { cert, key } = await (await Authority.make(dir)).sign('agent')
  const file = join(dir, 'token')
  writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 })
  const { url } = await startWebAgent(t, dir, {
    web: { listen: '127.0.0.1:0', tls: { cert, key }, tokens: { read: { file } } },
  })
  assert.match(url, /^https:/)
  const browser = await openBrowser()
  t.after(() => browser.close())
  const page = browser.context.pages()[0] ?? (await browser.context.newPage())
  const seen = watched(page)
  await openView(page, url, 'overview', 'Overview')
  await says(page, 'Token of this agent')
  assert.doesNotMatch(await textOf(page, 'body'), /test-1|simulator/)
  await audit(page, 'the token form')
  await enterToken(page, 'wrong-0123456789')
  await says(page, 'This token is not valid')
  await enterToken(page, TOKEN, 'This token is not valid')
  await says(page, /Yes, [\d,]+ frames\/s/)
  await page.reload()
  await says(page, /Yes, [\d,]+ frames\/s/)
  const other = await browser.context.newPage()
  await other.goto(url)
  await until('another tab to ask for the token', async () =>
    (await textOf(other)).includes('Token of this agent'),
  )
  assert.deepEqual([...seen.origins], [new URL(url).origin])
})
