import assert from 'node:assert/strict'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Page } from 'playwright-core'
import { list } from 'tar'
import type { Finding } from '../../../agent/doctor/finding.ts'
import type { ListedEvent } from '../../../agent/local/events.ts'
import type { Explanation } from '../../../agent/local/explain.ts'
import type { SignalNow } from '../../../agent/status.ts'
import type { SupportEntry } from '../../../agent/support/archive.ts'
import { openBrowser } from '../../support/browser.ts'
import { buildPage } from '../../support/page-build.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { DRIVE } from './drive.ts'
import { audit, openView, says, watched } from './page-views.ts'
import { startWebAgent } from './web-agent.ts'

async function opened(t: TestContext): Promise<Page> {
  const browser = await openBrowser()
  t.after(() => browser.close())
  return browser.context.pages()[0] ?? browser.context.newPage()
}

test('every view shows what the agent says, asks nobody else, and passes the audit', async (t) => {
  await buildPage()
  const { agent, url } = await startWebAgent(t, tempDir(t), DRIVE)
  const ask = async <T>(path: string): Promise<T> =>
    (await fetch(`${url}api${path}`)).json() as Promise<T>
  const events = (type: string) => ask<ListedEvent[]>(`/events?type=${type}`)
  const page = await opened(t)
  const seen = watched(page)

  await openView(page, url, 'overview', 'Overview')
  await says(
    page,
    /Yes, [\d,]+ frames\/s/,
    'engine',
    'obd',
    'simulator on can0',
    'No uplink is configured',
  )
  await says(page, `Version ${agent.status().version}`, /Memory [\d.]+ MB/)
  await audit(page, 'overview')

  await openView(page, url, 'signals', 'Signals')
  const signals = await ask<SignalNow[]>('/signals')
  await says(page, ...signals.map(({ name }) => name))
  await page.locator('figure canvas').first().waitFor()
  await page.getByRole('button', { name: 'Remove all charts' }).click()
  await says(page, 'No chart chosen')
  await page.getByRole('searchbox').fill('Battery.')
  await page.getByRole('checkbox', { name: 'Battery.Voltage' }).check()
  await says(page, /Battery\.Voltage 1\d\.\d+ V .* in this window/)
  await audit(page, 'signals')

  const [code] = await until('a trouble code', async () => {
    const found = await events('dtc')
    return found.length > 0 && found
  })
  await openView(page, url, 'faults', 'Faults')
  await says(page, String(code.content.code), 'present', /stored|pending/)
  await audit(page, 'faults')

  await openView(page, url, 'sync', 'Buffer & sync')
  await says(
    page,
    'critical',
    'telemetry',
    /On disk [\d.]+ [kM]B/,
    agent.status().sync!.outbox.path,
  )
  await audit(page, 'sync')

  const [inference] = await until('an anomaly', async () => {
    const found = await events('inference')
    return found.length > 0 && found
  })
  await openView(page, url, `inferences?event=${inference.id}`, 'Inferences')
  const why = await ask<Explanation>(`/explain?event=${inference.id}`)
  assert.ok(why.contributors.length > 0)
  await says(
    page,
    ...why.because,
    ...why.contributors.map(({ signal }) => signal),
    'seen in training',
  )
  await audit(page, 'inferences')

  const [capture] = await until('a capture', async () => {
    const found = await events('capture')
    return found.length > 0 && found
  })
  await openView(page, url, `captures?event=${capture.id}`, 'Captures')
  await says(page, 'revving: Engine.Rpm > 1000', 'Before it 2 s', 'After it 1 s', 'Engine.Throttle')
  assert.equal(await page.locator('.tracks canvas').count(), 2)
  await audit(page, 'captures')

  await openView(page, url, 'history?signal=Engine.Rpm,Battery.*', 'History')
  await says(page, 'Engine.Rpm', 'Battery.Voltage', 'every reading', 'milepost 0.1.0 started')
  await audit(page, 'history')

  const findings = await ask<Finding[]>('/doctor')
  assert.ok(findings.length > 3)
  await openView(page, url, 'doctor', 'Doctor')
  await says(page, /\d+ findings?;/)
  // Figures in a finding move on between two looks: what was looked at stays.
  await says(page, ...findings.map(({ check }) => check))
  await audit(page, 'doctor')

  const entries = await ask<SupportEntry[]>('/bundle/list')
  await openView(page, url, 'support', 'Support')
  await says(page, ...entries.map(({ name }) => name), ...entries.map(({ what }) => what))
  await audit(page, 'support')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ])
  const saved = join(tempDir(t), download.suggestedFilename())
  await download.saveAs(saved)
  const inside: string[] = []
  await list({ file: saved, onReadEntry: ({ path }) => void inside.push(basename(path)) })
  for (const { name } of entries) assert.ok(inside.includes(name), `${name} in ${inside}`)
  await says(page, `Saved as ${download.suggestedFilename()}`)

  assert.deepEqual([...seen.origins], [new URL(url).origin])
  assert.deepEqual(seen.complaints, [])
})

test('the page goes on after the agent was away', async (t) => {
  await buildPage()
  const dir = tempDir(t)
  const first = await startWebAgent(t, dir)
  const page = await opened(t)
  await openView(page, first.url, 'signals?chart=Engine.Rpm', 'Signals')
  await says(page, /Engine\.Rpm [\d,.]+ rpm/)
  await first.agent.stop()
  await until('the page to say that it is away', () => page.locator('.away').isVisible())
  await says(page, /Engine\.Rpm [\d,.]+ rpm/)
  const second = await startWebAgent(t, dir, { web: { listen: new URL(first.url).host } })
  assert.equal(second.url, first.url)
  await until(
    'the page to have found it again',
    async () => !(await page.locator('.away').isVisible()),
  )
  const drawn = (): Promise<string> =>
    page
      .locator('figure canvas')
      .first()
      .evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL())
  const before = await drawn()
  await until('the chart to move on', async () => (await drawn()) !== before)
  await openView(page, second.url, 'overview', 'Overview')
  await says(page, /Yes, [\d,]+ frames\/s/)
})
