import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LAPTOP, openBrowser, PHONE, type Screen } from '../../support/browser.ts'
import { buildPage } from '../../support/page-build.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { DRIVE, VIEWS } from './drive.ts'
import { audit, openView } from './page-views.ts'
import { startWebAgent } from './web-agent.ts'

/** A laptop in the light is what `page.test.ts` looks at. */
const SCREENS: Readonly<Record<string, Screen>> = {
  'a phone in the dark': { ...PHONE, dark: true, calm: true },
  'a phone in the light': { ...PHONE, calm: true },
  'a laptop in the dark': { ...LAPTOP, dark: true, calm: true },
}

for (const [name, screen] of Object.entries(SCREENS)) {
  test(`on ${name} every view passes the audit and nothing sticks out`, async (t) => {
    await buildPage()
    const { url } = await startWebAgent(t, tempDir(t), DRIVE)
    const browser = await openBrowser(screen)
    t.after(() => browser.close())
    const page = browser.context.pages()[0] ?? (await browser.context.newPage())
    await openView(page, url, 'history', 'History')
    for (const [view, heading] of VIEWS) {
      const way = page.getByRole('navigation').getByRole('link', { name: heading, exact: false })
      if (!(await way.first().isVisible())) await page.getByRole('button', { name: 'More' }).click()
      await way.first().click()
      await until(`the heading of ${view} to have the focus`, () =>
        page
          .evaluate(
            'document.activeElement?.tagName === "H1" ? document.activeElement.innerText : ""',
          )
          .then((text) => text === heading),
      )
      assert.equal(await page.title(), `${heading} · test-1`)
      const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number
      assert.ok(wide <= screen.width, `${view} is ${wide} wide`)
      await audit(page, `${view} on ${name}`)
    }
  })
}
