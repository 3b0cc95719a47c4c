// `npm run screenshots [-- FOLDER]`: every view of the real page of a real agent, on a phone and a laptop,
// light and dark, to be looked at by a person; without a folder, the one picture of the README.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { Agent } from '../../../agent/agent.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { makeLogger } from '../../../agent/log.ts'
import type { WebStatus } from '../../../agent/web/web-part.ts'
import { LAPTOP, openBrowser, PHONE, type Screen } from '../../support/browser.ts'
import { ROOT, writeConfig } from '../../support/cli.ts'
import { buildPage } from '../../support/page-build.ts'
import { until } from '../../support/until.ts'
import { DRIVE, VIEWS } from './drive.ts'
import { VEHICLE } from './web-agent.ts'

const README_PICTURE = join(ROOT, 'deploy/guides/page.webp')
const README_SCREEN: Screen = { width: 1280, height: 800 }
/** Of the engine's time: past its warm-up, its first fault and the captures of it. */
const DRIVE_SEC = 75
const PICTURES: Readonly<Record<string, Screen>> = {
  phone: PHONE,
  'phone-dark': { ...PHONE, dark: true },
  laptop: LAPTOP,
  'laptop-dark': { ...LAPTOP, dark: true },
}
/** Some seconds, so that charts have a line. */
const CHART_MS = 6_000

const folder = process.argv[2] && resolve(process.argv[2])
const dir = mkdtempSync(join(tmpdir(), 'milepost-screenshots-'))
await buildPage()
const config = loadConfig(
  writeConfig(dir, {
    ...{ ...VEHICLE, ...DRIVE, vehicle: 'truck-17', web: { listen: '127.0.0.1:0' } },
    // Nobody is at port 9: a vehicle without a network, as a technician meets it.
    uplink: { kind: 'kafka', brokers: ['127.0.0.1:9'] },
  }),
)
const agent = await Agent.start(config, makeLogger('silent'))
try {
  const url = await until('the page to listen', () => {
    const web = agent.status().parts.web as WebStatus
    return web.state === 'listening' && web.url
  })
  console.error(`driving ${DRIVE_SEC} s`)
  const { speed } = DRIVE.sensors[0]
  await new Promise((done) => setTimeout(done, (DRIVE_SEC / (speed ?? 1)) * 1000))
  if (folder) await all(url!, folder)
  else await readme(url!)
} finally {
  await agent.stop()
  rmSync(dir, { recursive: true, force: true })
}
process.exit(0)

async function all(url: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (const [name, screen] of Object.entries(PICTURES)) {
    await withPage(screen, async (page) => {
      for (const [view] of VIEWS) {
        await show(page, url, view)
        const file = join(folder, `${view}-${name}.png`)
        await page.screenshot({ path: file, fullPage: true })
        console.error(file)
      }
    })
  }
}

async function readme(url: string): Promise<void> {
  await withPage(README_SCREEN, async (page) => {
    await show(page, url, 'overview')
    const devtools = await page.context().newCDPSession(page)
    const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 80 })
    writeFileSync(README_PICTURE, Buffer.from(data, 'base64'))
    console.error(README_PICTURE)
  })
}

async function withPage(screen: Screen, use: (page: Page) => Promise<void>): Promise<void> {
  const { context, close } = await openBrowser(screen)
  try {
    await use(context.pages()[0] ?? (await context.newPage()))
  } finally {
    await close()
  }
}

async function show(page: Page, url: string, view: string): Promise<void> {
  await page.goto(`${url}#/${view}`)
  await page.locator('h1').waitFor()
  await page.waitForTimeout(CHART_MS)
}
