import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from '../../../agent/doctor/finding.ts'
import { groupOf } from '../../../sync/kafka/positions.ts'
import type { Complaint } from '../../../sync/status.ts'
import { LAPTOP, openBrowser, PHONE, type Screen } from '../../support/browser.ts'
import { useCentral } from '../../support/central.ts'
import { buildPage } from '../../support/page-build.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { asAdmin, makeFleet } from '../../sync/kafka/support.ts'
import { audit, openView, says } from './page-views.ts'
import { startWebAgent, VEHICLE } from './web-agent.ts'

const central = await useCentral()

test('a lane that central does not take, records that it refuses, positions that it forgot: the page says so, and what to do', async (t) => {
  await buildPage()
  const { origin, config } = await makeFleet(central)
  const { vehicle } = origin
  const dir = tempDir(t)
  const kafka = { kind: 'kafka', ...config }
  const campaigns = [
    ...VEHICLE.campaigns,
    { id: 'engine', signals: ['Engine.*'], sampleEveryMs: 500, lane: 'events' },
  ]

  const before = await startWebAgent(t, dir, { vehicle, campaigns, uplink: kafka })
  await until('telemetry to be acknowledged', () => {
    const { lanes } = before.agent.status().sync!
    return lanes.telemetry.ackedSeq > 0
  })
  await before.agent.stop()
  await asAdmin(central, (admin) => admin.deleteGroups([groupOf(vehicle)]))

  const [narrow, missing] = [central.unique('narrow'), central.unique('missing')]
  const bounds = { 'max.message.bytes': '300' }
  await central.createTopics([{ topic: narrow, partitions: 1, config: bounds }])
  const topics = { ...config.topics, telemetry: narrow, events: missing }
  const uplink = { ...kafka, topics }
  const { agent, url } = await startWebAgent(t, dir, { vehicle, campaigns, uplink })
  const told = await until('status to know all three', () => {
    const { uplink: now, outbox } = agent.status().sync!
    const blocked = now.blocked?.find(({ lane }) => lane === 'events')
    const { oddPositions, lastRejection } = now
    if (!blocked || !oddPositions || !lastRejection || outbox.deadRecords === 0) return false
    return { blocked, oddPositions, lastRejection }
  })
  assert.deepEqual(
    [told.blocked.code, told.oddPositions.code, told.lastRejection.code],
    ['UPLINK_TOPIC_MISSING', 'UPLINK_BEHIND', 'UPLINK_REJECTED'],
  )
  for (const screen of [LAPTOP, PHONE]) await look(url, screen, told)
  // Between two tries it is connecting, and the doctor then tells of the error that it met.
  await until('the doctor to find all three', async () => {
    const found = (await (await fetch(`${url}api/doctor`)).json()) as Finding[]
    return Object.values(told).every(({ code, hint }) =>
      found.some((one) => one.code === code && one.next === hint),
    )
  })
})

type Told = Readonly<Record<'blocked' | 'oddPositions' | 'lastRejection', Complaint>>

async function look(url: string, screen: Screen, told: Told): Promise<void> {
  // What is to be typed stands there in its own letters instead.
  const hints = Object.values(told).map(
    ({ hint }) => hint?.replaceAll('`', '') ?? assert.fail('a hint'),
  )
  const browser = await openBrowser(screen)
  try {
    const page = browser.context.pages()[0] ?? (await browser.context.newPage())
    await openView(page, url, 'overview', 'Overview')
    await says(page, /The other side refused [\d,]+ records?: /, 'Lane events is blocked', ...hints)
    await says(page, told.blocked.message, 'Positions did not fit (UPLINK_BEHIND)')
    await audit(page, 'overview, the way out in trouble')
    await openView(page, url, 'sync', 'Buffer & sync')
    await says(page, /Lane events is blocked for .*, tried [\d,]+ times?, next try/, ...hints)
    await says(page, told.blocked.message, 'UPLINK_REJECTED', 'UPLINK_BEHIND')
    await audit(page, 'sync, the way out in trouble')
    const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number
    assert.ok(wide <= screen.width, `sync is ${wide} wide`)
  } finally {
    await browser.close()
  }
}
