import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ListedEvent } from '../../../agent/local/events.ts'
import { openBrowser } from '../../support/browser.ts'
import { buildPage } from '../../support/page-build.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { FACTORY, Fleet } from '../updates/fleet.ts'
import { audit, enterToken, openView, says } from './page-views.ts'
import { startWebAgent } from './web-agent.ts'

const OPERATOR = 'operator-0123456789'
const READER = 'reader-0123456789'

test('an operator looks for updates on the page: a reader may not, and each call is a record', async (t) => {
  await buildPage()
  const dir = tempDir(t)
  const fleet = await Fleet.make(t)
  const token = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 })
    return { file: join(dir, name) }
  }
  const { url } = await startWebAgent(t, dir, {
    sensors: [{ id: 'engine', kind: 'simulator', seed: 7, speed: 20, rateScale: 0.2 }],
    models: [{ bundle: FACTORY }],
    updates: {
      from: fleet.folder,
      root: fleet.root,
      // Only when somebody asks.
      check: { cron: '0 0 1 1 *', jitterSec: 86_400 },
      trial: { minRows: 8, minSec: 0, maxMemoryGrowthMiB: 4096, maxSlowShare: 1 },
    },
    web: {
      listen: '127.0.0.1:0',
      tokens: { read: token('read', READER), operate: token('operate', OPERATOR) },
    },
  })
  const { dir: bundle, hash } = fleet.variant('v2')
  await fleet.release('2', bundle)
  const browser = await openBrowser()
  t.after(() => browser.close())
  const page = browser.context.pages()[0] ?? (await browser.context.newPage())
  await openView(page, url, 'updates', 'Updates')
  await enterToken(page, READER)
  await says(page, fleet.folder, 'No step since the start', 'as installed')
  const look = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Look now' }).click()
    await page.getByRole('button', { name: 'Yes, look now' }).click()
  }
  await look()
  await says(page, 'DENIED')
  await page.evaluate('sessionStorage.clear()')
  await page.reload()
  await enterToken(page, OPERATOR)
  await says(page, 'No step since the start')
  await look()
  await says(page, 'Looked.', 'download', 'trial')
  await until(
    'the trial to end well',
    async () => (await page.locator('.pill', { hasText: 'good' }).count()) > 0,
  )
  await audit(page, 'updates')
  const ask = async <T>(path: string): Promise<T> => {
    const headers = { authorization: `Bearer ${READER}` }
    return (await fetch(`${url}api${path}`, { headers })).json() as Promise<T>
  }
  const { slots } = await ask<{ slots: { current?: { hash: string } }[] }>('/updates')
  assert.equal(slots[0].current?.hash, hash)
  const operated = await ask<ListedEvent[]>('/events?type=operated')
  assert.deepEqual(
    operated.map(({ lane, content }) => [lane, content.operation, content.who, content.phase]),
    ['done', 'begun'].map((phase) => [
      'critical',
      'POST /updates/look',
      'operator at 127.0.0.1',
      phase,
    ]),
  )
})
