import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { METRICS } from '../../../agent/metrics/metrics.ts'
import { ROOT } from '../../support/cli.ts'

const FOLDER = join(ROOT, 'deploy/dashboards')

interface Board {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[]
  }[]
}

test('dashboards ask only for metrics that there are, by labels that they have', () => {
  const known = new Map(METRICS.map(({ name, labels }) => [name, labels]))
  let asked = 0
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json'))) {
    const { panels } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Board
    for (const { title, targets } of panels) {
      for (const { expr, legendFormat } of targets) {
        const names = expr.match(/milepost_[a-z_]+/g) ?? []
        for (const name of names) assert.ok(known.has(name), `${file}, ${title}: ${name}`)
        const labels = new Set(names.flatMap((name) => known.get(name) ?? []))
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          assert.ok(labels.has(label), `${file}, ${title}: label ${label}`)
        }
        asked += names.length
      }
    }
  }
  assert.ok(asked > 30)
})
