import assert from 'node:assert/strict'
import {
  appendFileSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bundleHash, canonicalJson } from '../../models/bundle/canonical.ts'
import { loadBundle, MAX_FILE_BYTES } from '../../models/bundle/load.ts'
import { staysInside } from '../../models/bundle/paths.ts'
import { writeBundle } from '../../models/bundle/write.ts'
import { ModelError, type ModelErrorCode } from '../../models/errors.ts'
import { openNetwork } from '../../models/runtime/open.ts'
import { tempDir } from '../support/temp-dir.ts'
import { copyOfBundle, forge } from './bundles.ts'

/** Loads and opens as the agent does; the bundle must be refused so, with a word on what to do. */
async function refused(dir: string, code: ModelErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(
    async () => openNetwork(loadBundle(dir)),
    (error) => {
      assert.ok(error instanceof ModelError, String(error))
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      assert.ok(error.hint)
      return true
    },
  )
}

test('the committed bundle loads, and proves itself on its golden rows', async (t) => {
  const bundle = loadBundle(copyOfBundle(t))
  const { runtime } = await openNetwork(bundle)
  assert.equal(runtime, 'compiled')
  assert.equal(bundle.hash, bundleHash(bundle.manifest))
})

test('what was forged with right hashes would load, if nothing in it were wrong', async (t) => {
  const dir = copyOfBundle(t)
  forge(dir, (manifest) => {
    manifest.description = 'another'
  })
  await openNetwork(loadBundle(dir))
})

test('refuses a folder that is not there, or has no manifest', async (t) => {
  await refused(join(tempDir(t), 'nowhere'), 'BUNDLE_MISSING', /manifest\.json/)
  const dir = copyOfBundle(t)
  unlinkSync(join(dir, 'weights.bin'))
  await refused(dir, 'BUNDLE_MISSING', /weights\.bin/)
})

test('refuses a manifest cut short at any place', async (t) => {
  const dir = copyOfBundle(t)
  const file = join(dir, 'manifest.json')
  const whole = readFileSync(file)
  for (let length = 0; length < whole.length - 2; length += 997) {
    writeFileSync(file, whole.subarray(0, length))
    await refused(dir, 'BUNDLE_MANIFEST', /not JSON/)
  }
})

test('refuses a manifest that was changed, and one that the release did not name', async (t) => {
  const dir = copyOfBundle(t)
  const file = join(dir, 'manifest.json')
  const { hash } = loadBundle(dir)
  assert.throws(() => loadBundle(dir, hash.replace(/./g, '0')), { code: 'BUNDLE_HASH' })
  writeFileSync(file, readFileSync(file, 'utf8').replace(/"value": [\d.]+/, '"value": 99'))
  await refused(dir, 'BUNDLE_HASH', /manifest has hash/)
})

test('refuses files that are changed, longer or shorter than listed', async (t) => {
  for (const spoil of [
    (file: string) => appendFileSync(file, 'x'),
    (file: string) => truncateSync(file, 100),
    (file: string) => {
      const content = readFileSync(file)
      content[500] ^= 1
      writeFileSync(file, content)
    },
  ]) {
    for (const name of ['weights.bin', 'model.json']) {
      const dir = copyOfBundle(t)
      spoil(join(dir, name))
      await refused(dir, 'BUNDLE_HASH', new RegExp(name))
    }
  }
})

test('refuses unknown and missing keys with their path, and a format of the future', async (t) => {
  const spoil = (change: Parameters<typeof forge>[1]) => {
    const dir = copyOfBundle(t)
    forge(dir, change)
    return dir
  }
  await refused(
    spoil((m) => Object.assign(m.features.inputs[2], { unit: 5 })),
    'BUNDLE_MANIFEST',
    /features\.inputs\.2\.unit/,
  )
  await refused(
    spoil((m) => Object.assign(m.alarm, { colour: 'red' })),
    'BUNDLE_MANIFEST',
    /alarm.*colour/,
  )
  await refused(
    spoil((m) => Object.assign(m, { format: 2 })),
    'BUNDLE_MANIFEST',
    /format 2/,
  )
  await refused(
    spoil((m) => Object.assign(m, { kind: 'oracle' })),
    'BUNDLE_MANIFEST',
    /kind/,
  )
})

test('refuses shapes that do not fit each other', async (t) => {
  const dropInput = copyOfBundle(t)
  forge(dropInput, (m) => m.features.inputs.pop())
  await refused(dropInput, 'BUNDLE_SHAPE', /17 inputs are described, the network takes 18/)

  const shortGolden = copyOfBundle(t)
  forge(shortGolden, (m) => m.golden.rows[3].output.pop())
  await refused(shortGolden, 'BUNDLE_SHAPE', /golden row 3/)

  const fewWeights = copyOfBundle(t)
  forge(fewWeights, () => {}, { 'weights.bin': (content) => content.subarray(4) })
  await refused(fewWeights, 'BUNDLE_SHAPE', /2280 bytes .* need 2284/)

  const widerLayer = copyOfBundle(t)
  forge(widerLayer, () => {}, {
    'model.json': (content) => content.toString().replace('"units":14', '"units":15'),
  })
  await refused(widerLayer, 'BUNDLE_SHAPE', /kernel|refused/)
})

test('refuses weights that are no numbers', async (t) => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const dir = copyOfBundle(t)
    forge(dir, () => {}, {
      'weights.bin': (content) => {
        content.writeFloatLE(value, 400)
        return content
      },
    })
    await refused(dir, 'BUNDLE_WEIGHTS', /weight 100 /)
  }
})

test('refuses a network that does not compute its golden rows', async (t) => {
  const weights = copyOfBundle(t)
  forge(weights, () => {}, {
    'weights.bin': (content) => {
      content.writeFloatLE(content.readFloatLE(400) + 0.1, 400)
      return content
    },
  })
  await refused(weights, 'BUNDLE_GOLDEN', /golden row \d: output/)

  const scaling = copyOfBundle(t)
  forge(scaling, (m) => {
    m.features.inputs[6].scaling.offset += 1
  })
  await refused(scaling, 'BUNDLE_GOLDEN', /speed is scaled/)

  const score = copyOfBundle(t)
  forge(score, (m) => {
    assert.equal(m.kind, 'reconstruction')
    if (m.kind === 'reconstruction') m.output.weights[0] *= 2
  })
  await refused(score, 'BUNDLE_GOLDEN', /score/)
})

test('refuses paths that climb out, by name or by link, in the manifest and in model.json', async (t) => {
  for (const path of ['../outside.bin', '/etc/hostname', 'a/../../outside.bin']) {
    const dir = copyOfBundle(t)
    forge(dir, (m) => m.files.push({ path, bytes: 1, sha256: '0'.repeat(64) }))
    await refused(dir, 'BUNDLE_PATH', /leads out/)
  }
  const link = copyOfBundle(t)
  writeFileSync(join(link, '../outside.bin'), readFileSync(join(link, 'weights.bin')))
  unlinkSync(join(link, 'weights.bin'))
  symlinkSync('../outside.bin', join(link, 'weights.bin'))
  await refused(link, 'BUNDLE_PATH', /leads out/)

  for (const path of ['../weights.bin', 'secret.bin']) {
    const dir = copyOfBundle(t)
    forge(dir, () => {}, {
      'model.json': (content) => content.toString().replace('weights.bin', path),
    })
    await refused(dir, 'BUNDLE_PATH', /not among the files/)
  }
  assert.equal(staysInside('a/b.bin'), true)
  assert.equal(staysInside('a\\..\\..\\b.bin'), false)
})

test('refuses files larger than any bundle has, without reading them', async (t) => {
  const dir = copyOfBundle(t)
  // Grown without being written: it takes no room on the disk.
  truncateSync(join(dir, 'weights.bin'), MAX_FILE_BYTES + 1)
  await refused(dir, 'BUNDLE_LIMIT', /at most/)
  const manifest = copyOfBundle(t)
  truncateSync(join(manifest, 'manifest.json'), 2 << 20)
  await refused(manifest, 'BUNDLE_LIMIT', /manifest\.json/)
  const memory = copyOfBundle(t)
  forge(memory, (m) => {
    m.limits.memoryBytes = 1000
  })
  await refused(memory, 'BUNDLE_LIMIT', /2284 bytes, the manifest allows 1000/)
})

test('writing a bundle again gives the same hash; a folder with other things in it is let be', (t) => {
  const dir = copyOfBundle(t)
  const { manifest, model, hash } = loadBundle(dir)
  assert.ok(manifest.kind === 'reconstruction')
  const { files: _, format: __, network, ...rest } = manifest
  const draft = { ...rest, network: { inputs: network.inputs, outputs: network.outputs } }
  const copy = join(tempDir(t), 'copy')
  assert.equal(writeBundle(copy, draft, model).hash, hash)
  assert.equal(writeBundle(copy, draft, model).hash, hash)
  writeFileSync(join(copy, 'letters.txt'), 'mine')
  assert.throws(() => writeBundle(copy, draft, model), { code: 'BUNDLE_PATH' })
  assert.equal(readFileSync(join(copy, 'letters.txt'), 'utf8'), 'mine')
  assert.equal(loadBundle(copy).hash, hash, 'the bundle before it is still whole')
})

test('canonical JSON is the same for the same value, whatever the order of its keys', () => {
  assert.equal(
    canonicalJson({ b: [1, { d: 1e21, c: -0.5 }], a: 'é"' }),
    '{"a":"é\\"","b":[1,{"c":-0.5,"d":1e+21}]}',
  )
})
