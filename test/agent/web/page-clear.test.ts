import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ListedEvent } from '../../../agent/local/events.ts'
import { openBrowser } from '../../support/browser.ts'
import { ROOT } from '../../support/cli.ts'
import { buildPage } from '../../support/page-build.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { audit, enterToken, openView, says } from './page-views.ts'
import { startWebAgent } from './web-agent.ts'

const OPERATOR = 'operator-0123456789'
const READER = 'reader-0123456789'

test('trouble codes are cleared on the page by an operator who says yes, and it is on record', async (t) => {
  await buildPage()
  const dir = tempDir(t)
  const token = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 })
    return { file: join(dir, name) }
  }
  const { url } = await startWebAgent(t, dir, {
    sensors: [
      {
        ...{ id: 'car', kind: 'simulator', seed: 1, speed: 20, rateScale: 0.2, ecu: {} },
        faults: [{ kind: 'misfire', atSec: 1 }],
      },
      { id: 'obd', kind: 'obd', codesEveryMs: 200, discoveryMs: 200, allowClear: true },
    ],
    buses: {
      can0: { send: [0x7df, 0x7e0], dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] },
    },
    models: [],
    web: {
      listen: '127.0.0.1:0',
      tokens: { read: token('read', READER), operate: token('operate', OPERATOR) },
    },
  })
  const events = async (type: string): Promise<ListedEvent[]> => {
    const headers = { authorization: `Bearer ${READER}` }
    return (await fetch(`${url}api/events?type=${type}`, { headers })).json() as Promise<
      ListedEvent[]
    >
  }
  const browser = await openBrowser()
  t.after(() => browser.close())
  const page = browser.context.pages()[0] ?? (await browser.context.newPage())
  const clear = async (answer: 'Yes, clear codes' | 'No'): Promise<void> => {
    await page.getByRole('button', { name: 'Clear codes', exact: true }).click()
    await page.getByRole('button', { name: answer, exact: true }).click()
  }
  await until('a stored code', async () => (await events('dtc')).length > 0)

  await openView(page, url, 'faults', 'Faults')
  await enterToken(page, READER)
  await says(page, 'P0300', 'present', 'Clear the codes of obd')
  await clear('Yes, clear codes')
  await says(page, 'DENIED')
  await audit(page, 'faults, refused')

  await page.evaluate('sessionStorage.clear()')
  await page.reload()
  await enterToken(page, OPERATOR)
  await says(page, 'P0300')
  await clear('No')
  assert.deepEqual(await events('operated'), [], 'who says no, and a reader, change nothing')
  await clear('Yes, clear codes')
  await says(page, /7E8: positive\. \d+ codes? left\./)
  const operated = await events('operated')
  assert.deepEqual(
    operated.map(({ lane, content }) => [lane, content.operation, content.who, content.phase]),
    ['done', 'begun'].map((phase) => [
      ...['critical', 'POST /dtc/clear', 'operator at 127.0.0.1', phase],
    ]),
  )
  await until('the clearing to be told', async () => (await events('dtc.cleared')).length > 0)
})
