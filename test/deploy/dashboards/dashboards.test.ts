import assert from 'node:assert/strict'
import { test } from 'node:test'
import { METRICS } from '../../../agent/metrics/metrics.ts'
import { queries } from './boards.ts'

test('dashboards ask only for metrics that there are, by labels that they have', () => {
  const known = new Map(METRICS.map(({ name, labels }) => [name, labels]))
  let asked = 0
  for (const { board, panel, expr, legendFormat } of queries()) {
    const names = expr.match(/milepost_[a-z_]+/g) ?? []
    for (const name of names) assert.ok(known.has(name), `${board}, ${panel}: ${name}`)
    const labels = new Set(names.flatMap((name) => known.get(name) ?? []))
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
      assert.ok(labels.has(label), `${board}, ${panel}: label ${label}`)
    }
    asked += names.length
  }
  assert.ok(asked > 30)
})
