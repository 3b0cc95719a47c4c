import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Header, type HeaderData } from 'tar'
import {
  MAX_ARCHIVE_BYTES,
  MAX_ARCHIVE_ENTRIES,
  openBundle,
  packBundle,
  readBundle,
  unpackBundle,
} from '../../models/bundle/archive.ts'
import { loadBundle, MAX_FILE_BYTES } from '../../models/bundle/load.ts'
import { ModelError, type ModelErrorCode } from '../../models/errors.ts'
import { tempDir } from '../support/temp-dir.ts'
import { CAR_SENSOR, copyOfBundle, forge } from './bundles.ts'

const END = Buffer.alloc(1024)

/** One entry of a tar file, made by hand, so that it can be what no packer would write. */
function entry(path: string, content: string | Buffer, more: Partial<HeaderData> = {}): Buffer {
  const body = Buffer.from(content)
  const size = more.size ?? body.length
  const header = new Header({ path, mode: 0o644, type: 'File', mtime: new Date(0), ...more, size })
  const block = Buffer.alloc(512)
  header.encode(block, 0)
  return Buffer.concat([block, body, Buffer.alloc((512 - (body.length % 512)) % 512)])
}

const whole = (...parts: Buffer[]) => Buffer.concat([...parts, END])
/** The entries of a good bundle, to which something is added. */
const good = (dir = CAR_SENSOR) =>
  Buffer.concat(readdirSync(dir).map((name) => entry(name, readFileSync(join(dir, name)))))

async function refused(bytes: Uint8Array, code: ModelErrorCode, message: RegExp, dir: string) {
  const place = join(dir, 'unpacked')
  for (const attempt of [() => readBundle(bytes), () => unpackBundle(bytes, place)]) {
    await assert.rejects(attempt, (error) => {
      assert.ok(error instanceof ModelError, String(error))
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      assert.ok(error.hint)
      return true
    })
  }
  assert.equal(existsSync(place), false, 'nothing is written of what is refused')
  assert.deepEqual(readdirSync(dir), [], 'nor beside it')
}

test('a bundle packed and unpacked is the same bundle, to the byte', async (t) => {
  const dir = tempDir(t)
  const { hash } = loadBundle(CAR_SENSOR)
  for (const gzip of [false, true]) {
    const packed = await packBundle(CAR_SENSOR, { gzip })
    const place = join(dir, `unpacked-${gzip}`)
    assert.equal((await unpackBundle(packed, place, hash)).hash, hash)
    for (const { path } of loadBundle(CAR_SENSOR).manifest.files) {
      assert.deepEqual(readFileSync(join(place, path)), readFileSync(join(CAR_SENSOR, path)))
    }
    const file = join(dir, `bundle-${gzip}`)
    writeFileSync(file, packed)
    assert.equal((await readBundle(file)).hash, hash)
    assert.equal((await openBundle(file, hash)).hash, hash)
    assert.deepEqual(await packBundle(place, { gzip }), packed)
  }
  assert.equal((await openBundle(CAR_SENSOR)).hash, hash)
  await assert.rejects(openBundle(join(dir, 'bundle-true'), '0'.repeat(64)), {
    code: 'BUNDLE_HASH',
  })
})

test('times, other files and the order of writing change no byte of an archive', async (t) => {
  const dir = copyOfBundle(t)
  const before = await packBundle(dir)
  writeFileSync(join(dir, 'notes.txt'), 'not of the bundle')
  for (const name of readdirSync(dir)) utimesSync(join(dir, name), 1e9, 1e9)
  assert.deepEqual(await packBundle(dir), before)
  assert.deepEqual(await packBundle(CAR_SENSOR), before)
})

test('an archive by the usual tar program, with ./ before its names, is read', async (t) => {
  const file = join(tempDir(t), 'bundle.tgz')
  execFileSync('tar', ['-czf', file, '-C', CAR_SENSOR, '.'])
  assert.equal((await openBundle(file)).hash, loadBundle(CAR_SENSOR).hash)
})

test('unpacking replaces a bundle and nothing else', async (t) => {
  const dir = copyOfBundle(t)
  forge(dir, (manifest) => {
    manifest.description = 'an older one'
  })
  const packed = await packBundle(CAR_SENSOR)
  assert.equal((await unpackBundle(packed, dir)).hash, loadBundle(CAR_SENSOR).hash)
  mkdirSync(join(dir, 'sub'))
  writeFileSync(join(dir, 'sub/precious'), '')
  await assert.rejects(unpackBundle(packed, dir), { code: 'BUNDLE_PATH', message: /precious/ })
  assert.ok(existsSync(join(dir, 'sub/precious')))
})

test('refuses what climbs out, links and devices', async (t) => {
  const dir = tempDir(t)
  for (const path of ['../evil', 'a/../../evil', '/etc/evil', '..', 'a\\b']) {
    await refused(whole(good(), entry(path, 'x')), 'BUNDLE_PATH', /leads out/, dir)
  }
  for (const type of ['SymbolicLink', 'Link', 'CharacterDevice', 'FIFO'] as const) {
    const linkpath = type.endsWith('Link') ? '/etc/passwd' : undefined
    const odd = entry('weights.bin', '', { type, linkpath })
    await refused(whole(odd, good()), 'BUNDLE_ARCHIVE', new RegExp(`is a ${type}`), dir)
  }
  await refused(whole(good(), entry('model.json', '{}')), 'BUNDLE_ARCHIVE', /twice/, dir)
})

test('refuses bombs: by entries, by the size a file claims, and by what comes out of gzip', async (t) => {
  const dir = tempDir(t)
  const many = Array.from({ length: MAX_ARCHIVE_ENTRIES + 1 }, (_, i) => entry(`f${i}`, ''))
  await refused(whole(...many), 'BUNDLE_LIMIT', /entries/, dir)
  const claims = entry('weights.bin', '', { size: MAX_FILE_BYTES + 1 })
  await refused(whole(claims), 'BUNDLE_LIMIT', /at most/, dir)
  // Three members of zeros, one after the other in one gzip file: each unpacks to less than the bound.
  const part = gzipSync(Buffer.alloc(MAX_FILE_BYTES))
  const bomb = Buffer.concat([
    gzipSync(entry('weights.bin', '', { size: MAX_FILE_BYTES })),
    part,
    gzipSync(entry('more.bin', '', { size: MAX_FILE_BYTES })),
    part,
    gzipSync(entry('most.bin', '', { size: MAX_FILE_BYTES })),
    part,
  ])
  assert.ok(bomb.length < MAX_ARCHIVE_BYTES / 500)
  await refused(bomb, 'BUNDLE_LIMIT', /more than/, dir)
})

test('an archive cut short anywhere, or not one at all, is refused', async (t) => {
  const dir = tempDir(t)
  const packed = await packBundle(CAR_SENSOR)
  const squeezed = await packBundle(CAR_SENSOR, { gzip: true })
  for (const bytes of [packed, squeezed]) {
    // The last 1024 bytes are an empty end mark, without which a tar file is whole enough.
    const end = bytes === packed ? bytes.length - 10_240 : bytes.length - 1
    for (let length = 0; length < end; length += Math.ceil(end / 41)) {
      const cut = bytes.subarray(0, length)
      await assert.rejects(readBundle(cut), (error) => {
        assert.ok(error instanceof ModelError, String(error))
        assert.match(error.code, /BUNDLE_(ARCHIVE|MISSING)/, error.message)
        return true
      })
    }
  }
  const noise = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 251))
  await refused(noise, 'BUNDLE_ARCHIVE', /no whole tar file/, dir)
  await refused(Buffer.alloc(0), 'BUNDLE_ARCHIVE', /empty/, dir)
  await refused(whole(entry('hello', 'x')), 'BUNDLE_MISSING', /manifest\.json/, dir)
})

test('a packed bundle that was changed is refused like a folder', async (t) => {
  const dir = copyOfBundle(t)
  const changed = readFileSync(join(dir, 'weights.bin'))
  changed[100] ^= 1
  writeFileSync(join(dir, 'weights.bin'), changed)
  await refused(whole(good(dir)), 'BUNDLE_HASH', /weights\.bin/, tempDir(t))
  await assert.rejects(packBundle(dir), { code: 'BUNDLE_HASH' })
})
