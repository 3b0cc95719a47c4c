import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import { freePort } from '../../../deploy/central/ports.ts'
import { findProgram } from '../../support/programs.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'

/** A series that a query gave, with its value now. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

export interface Target {
  readonly health: 'up' | 'down' | 'unknown'
  readonly scrapeUrl: string
  readonly lastError: string
}

/** A real Prometheus that scrapes. */
export interface Prometheus {
  readonly configFile: string
  /** Throws where the query is refused. */
  query(promql: string): Promise<Series[]>
  targets(): Promise<Target[]>
}

/** Starts one with these `scrape_configs`, every second; it ends with the test. */
export async function startPrometheus(
  t: TestContext,
  scrapeConfigs: readonly unknown[],
): Promise<Prometheus> {
  const dir = tempDir(t)
  const configFile = join(dir, 'prometheus.yml')
  const every = { scrape_interval: '1s', scrape_timeout: '1s' }
  writeFileSync(configFile, stringify({ global: every, scrape_configs: scrapeConfigs }))
  const url = `127.0.0.1:${await freePort()}`
  const child = spawn(
    findProgram('prometheus')!,
    [
      ...[`--config.file=${configFile}`, `--storage.tsdb.path=${join(dir, 'tsdb')}`],
      ...[`--web.listen-address=${url}`, '--log.level=warn'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  await until('Prometheus to be ready', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`)
    return fetch(`http://${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`http://${url}/api/v1/${path}`)
    const { status, data, error } = (await answer.json()) as {
      status: string
      data: T
      error?: string
    }
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data
  }
  return {
    configFile,
    query: async (promql) =>
      (await get<{ result: Series[] }>(`query?query=${encodeURIComponent(promql)}`)).result,
    targets: async () => (await get<{ activeTargets: Target[] }>('targets')).activeTargets,
  }
}
