import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { milepostTopics } from '../../../deploy/central/topics.ts'

const FOLDER = join(import.meta.dirname, '../../../deploy/kubernetes')

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: { readonly config: Record<string, string> }
}

function manifests(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map((document) => {
    assert.deepEqual(document.errors, [], file)
    return document.toJS() as Manifest
  })
}

test('every manifest is YAML that names what it is', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'))
  assert.ok(files.length >= 3)
  for (const file of files) {
    for (const { apiVersion, kind, metadata } of manifests(file)) {
      assert.ok(apiVersion && kind && metadata.name, file)
    }
  }
})

test('what is added to a pod is mounted under /mnt: the operator refuses all else', () => {
  const paths = readFileSync(join(FOLDER, 'kafka.yaml'), 'utf8').matchAll(/mountPath: (\S+)/g)
  const found = [...paths].map(([, path]) => path)
  assert.ok(found.length > 0)
  for (const path of found) assert.match(path, /^\/mnt\//)
})

test('topics are those of central, with the same retention', () => {
  const there = new Map(
    manifests('topics.yaml').map((each) => [each.metadata.name, each.spec.config]),
  )
  const ours = milepostTopics()
  assert.deepEqual([...there.keys()].sort(), ours.map(({ topic }) => topic).sort())
  for (const { topic, config } of ours) assert.deepEqual(there.get(topic), config, topic)
})
