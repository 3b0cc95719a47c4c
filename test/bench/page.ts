// What the page costs the agent that serves it: 50 signals charted at 10 Hz, at the load of a full bus.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { ask } from '../../agent/control/client.ts'
import { socketPath } from '../../agent/control/socket-path.ts'
import { cpuSecOf } from '../../agent/fleet/cpu.ts'
import type { AgentStatus } from '../../agent/status.ts'
import type { WebStatus } from '../../agent/web/web-part.ts'
import { openBrowser } from '../support/browser.ts'
import { Milepost, ROOT, writeConfig } from '../support/cli.ts'
import { buildPage } from '../support/page-build.ts'
import { until } from '../support/until.ts'
import { type BenchRow, median } from './bench.ts'

/** The simulated vehicle gives 321 frames a second; 25 times that is a bus of 1 Mbit/s, full. */
const SPEED = 25
const CHARTS = 50
const ROUNDS = 3
const WARM_UP_MS = 4_000
const LOOK_MS = 8_000

export async function bench(): Promise<BenchRow[]> {
  await buildPage()
  const dir = mkdtempSync(join(tmpdir(), 'milepost-bench-'))
  const file = writeConfig(dir, {
    sensors: [{ id: 'engine', kind: 'simulator', seed: 1, speed: SPEED }],
    buses: { can0: { dbc: [join(ROOT, 'sensors/simulator/vehicle.dbc')] } },
    campaigns: [{ id: 'drive', signals: ['*'], sampleEveryMs: 1000 }],
    web: { listen: '127.0.0.1:0' },
  })
  const agent = new Milepost(['run', '-c', file])
  try {
    return await measured(agent, join(dir, 'data'))
  } finally {
    agent.child.kill('SIGTERM')
    await agent.finished
    rmSync(dir, { recursive: true, force: true })
  }
}

async function measured(agent: Milepost, dataDir: string): Promise<BenchRow[]> {
  const status = (): Promise<AgentStatus> => ask<AgentStatus>(socketPath(dataDir), 'GET', '/status')
  const url = await until('the page to listen', async () => {
    const web = (await status().catch(() => undefined))?.parts.web as WebStatus | undefined
    return web?.state === 'listening' && web.url
  })
  const pid = agent.child.pid!
  const names = await until('the signals', async () => {
    const found = await ask<{ name: string }[]>(socketPath(dataDir), 'GET', '/signals')
    return found.length >= CHARTS && found.slice(0, CHARTS).map(({ name }) => name)
  })
  const without: Look[] = []
  const open: Look[] = []
  for (let round = 0; round < ROUNDS; round++) {
    without.push(await look(pid, status))
    const browser = await openBrowser()
    try {
      const page = browser.context.pages()[0] ?? (await browser.context.newPage())
      await page.goto(`${url}#/signals?chart=${names.join(',')}`)
      await until(
        `${CHARTS} charts`,
        async () => (await page.locator('figure canvas').count()) === CHARTS,
      )
      const before = await drawn(page)
      open.push(await look(pid, status))
      if ((await drawn(page)) === before) throw new Error('the charts stood still')
    } finally {
      await browser.close()
    }
    console.error(
      `  round ${round + 1}: ${told(without[round])} without, ${told(open[round])} with the page`,
    )
  }
  const [theirs, ours] = [without, open].map((looks) => median(looks.map(({ percent }) => percent)))
  const frames = (looks: readonly Look[]): number =>
    median(looks.map(({ framesPerSec }) => framesPerSec))
  const more = ours - theirs
  console.error(
    `  ${CHARTS} charts at 10 Hz take ${more.toFixed(1)} % of a core more (${((more / theirs) * 100).toFixed(1)} % of what it took before); no frame was lost`,
  )
  return [
    {
      name: `agent at a full bus, ${CHARTS} charts at 10 Hz`,
      unit: '% of a core',
      ours,
      peer: 'the same agent, nobody looking',
      theirs,
      ratio: theirs / ours,
    },
    {
      name: `frames read with ${CHARTS} charts open`,
      unit: 'frames/s',
      ours: frames(open),
      peer: 'the same agent, nobody looking',
      theirs: frames(without),
      ratio: frames(open) / frames(without),
    },
  ]
}

interface Look {
  /** Of one core, all threads of the agent. */
  readonly percent: number
  readonly framesPerSec: number
}

function told({ percent, framesPerSec }: Look): string {
  return `${percent.toFixed(1)} % at ${framesPerSec.toFixed(0)} frames/s`
}

/** Watches the agent for some seconds; throws where a frame was lost or not decoded. */
async function look(pid: number, status: () => Promise<AgentStatus>): Promise<Look> {
  await sleep(WARM_UP_MS)
  const [cpu, start, before] = [cpuSecOf(pid)!, performance.now(), await status()]
  await sleep(LOOK_MS)
  const now = await status()
  const sec = (performance.now() - start) / 1000
  const percent = ((cpuSecOf(pid)! - cpu) / sec) * 100
  const [sensor] = now.sensors
  const lost = Object.values(sensor.dropped).reduce((sum, n) => sum + (n ?? 0), 0)
  if (lost > 0 || sensor.gaps > 0) throw new Error(`${lost} frames lost, ${sensor.gaps} gaps`)
  if (now.decode?.frames !== sensor.frames) throw new Error('frames were read and not decoded')
  return { percent, framesPerSec: (sensor.frames - before.sensors[0].frames) / sec }
}

function drawn(page: Page): Promise<string> {
  return page
    .locator('figure canvas')
    .first()
    .evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL())
}
