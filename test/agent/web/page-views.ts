import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { until } from '../../support/until.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Text of the page as a person reads it, white space as single blanks. */
export async function textOf(page: Page, selector = 'main'): Promise<string> {
  const text = await page
    .locator(selector)
    .first()
    // biome-ignore lint/performance/useDomNodeTextContent: what is shown counts, not what is hidden
    .innerText({ timeout: 5_000 })
    .catch(() => '')
  return text.replace(/\s+/g, ' ')
}

/** Opens a view and waits for its heading. */
export async function openView(
  page: Page,
  url: string,
  view: string,
  heading: string,
): Promise<void> {
  await page.goto(`${url}#/${view}`)
  await until(`the view ${view}`, async () => (await textOf(page, 'h1')) === heading)
}

/** Fills in the token that the page asks for, by the label that it asks with. */
export async function enterToken(
  page: Page,
  token: string,
  label = 'Token of this agent',
): Promise<void> {
  await page.getByLabel(label).fill(token)
  await page.getByRole('button', { name: 'Open' }).click()
}

/** Waits until the page says all of these. */
export async function says(page: Page, ...wanted: readonly (string | RegExp)[]): Promise<void> {
  let text = ''
  for (const one of wanted) {
    await until(`the page to say ${one}; it said: ${text}`, async () => {
      text = await textOf(page)
      return typeof one === 'string' ? text.includes(one.replace(/\s+/g, ' ')) : one.test(text)
    })
  }
}

interface Finding {
  readonly id: string
  readonly impact: string
  readonly help: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** Runs axe-core on what is shown; nothing serious may be found. */
export async function audit(page: Page, what: string): Promise<void> {
  await page.evaluate(AXE)
  const findings = (await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations)',
  )) as Finding[]
  const serious = findings
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n  ${nodes.map((n) => `${n.html}\n  ${n.failureSummary}`).join('\n  ')}`,
    )
  assert.equal(serious.join('\n'), '', `axe on ${what}`)
}

/** Everything that the page asks for, and what it complains of. */
export function watched(page: Page): { origins: Set<string>; complaints: string[] } {
  const seen = { origins: new Set<string>(), complaints: [] as string[] }
  page.on('request', (request) => seen.origins.add(new URL(request.url()).origin))
  page.on('pageerror', (error) => seen.complaints.push(String(error)))
  page.on('console', (message) => {
    // A refused policy shows here, and so does a file that is not there.
    if (message.type() === 'error') seen.complaints.push(message.text())
  })
  return seen
}
