import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Screen {
  readonly width: number
  readonly height: number
  readonly dark?: boolean
  readonly calm?: boolean
}

export const LAPTOP: Screen = { width: 1440, height: 900 }
export const PHONE: Screen = { width: 390, height: 844 }

/** A Chromium with an empty profile of its own; `close` takes both away. */
export async function openBrowser(
  screen: Screen = LAPTOP,
): Promise<{ context: BrowserContext; close(): Promise<void> }> {
  const executablePath = PLACES.find(existsSync)
  if (!executablePath)
    throw new Error(`no Chromium: apt-get install chromium (looked at ${PLACES.join(', ')})`)
  const profile = mkdtempSync(join(tmpdir(), 'milepost-chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    args: FLAGS,
    viewport: { width: screen.width, height: screen.height },
    deviceScaleFactor: screen.width < 500 ? 2 : 1,
    colorScheme: screen.dark ? 'dark' : 'light',
    reducedMotion: screen.calm ? 'reduce' : 'no-preference',
    ignoreHTTPSErrors: true,
  })
  return {
    context,
    close: async () => {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
