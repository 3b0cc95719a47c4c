import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Disk, realDisk } from '../../../models/release/disk.ts'
import type { Release, ReleaseLimits } from '../../../models/release/release.ts'
import { HttpSource } from '../../../models/release/source/http.ts'
import { makeDesk, makeVehicle, release } from './desk.ts'
import { TestWeb } from './web.ts'

const code = (error: unknown) => (error as { code?: string }).code
const BYTES = randomBytes(300_000)
const STALL_MS = 500

/** A vehicle that has its plan and not yet its release, and the server that it comes from. */
async function waiting(
  t: TestContext,
  options: { limits?: Partial<ReleaseLimits>; disk?: Disk } = {},
) {
  const desk = await makeDesk(t)
  await release(desk, '1', BYTES)
  const web = await new TestWeb(desk.folder).start(t)
  const source = new HttpSource(web.url)
  const { client, dir } = makeVehicle(t, desk, { source, ...options })
  const [engine] = (await client.refresh()).releases
  web.requests.length = 0
  return { desk, web, client, dir, engine }
}

/** Puts the beginning of the release where a process that was killed had left it. */
function leave(dir: string, { sha256 }: Release, bytes: Uint8Array): void {
  mkdirSync(join(dir, 'partial'), { recursive: true })
  writeFileSync(join(dir, 'partial', sha256), bytes)
}

/** Begins an answer where it was asked to, and says where that is. */
function begin(request: IncomingMessage, response: ServerResponse, file: Buffer): number {
  const from = Number(/\d+/.exec(request.headers.range ?? '0')![0])
  const range = `bytes ${from}-${file.length - 1}/${file.length}`
  const headers = { 'content-range': range, 'content-length': file.length - from }
  response.writeHead(from > 0 ? 206 : 200, headers)
  return from
}

const isRelease = (url: string | undefined) => url!.includes('targets/')

test('a download is taken up where it stopped', async (t) => {
  const { web, client, dir, engine } = await waiting(t)
  leave(dir, engine, BYTES.subarray(0, 120_000))
  const seen: number[] = []
  const path = await client.download(engine, undefined, ({ bytes }) => seen.push(bytes))
  assert.deepEqual(readFileSync(path), BYTES)
  assert.deepEqual(
    web.requests.map(({ range }) => range),
    ['bytes=120000-'],
  )
  assert.equal(seen[0], 120_000)
  assert.equal(seen.at(-1), BYTES.length)
  assert.deepEqual(readdirSync(join(dir, 'partial')), [])
})

test('what is in the store is not fetched again, and hashed before it is called right', async (t) => {
  const { web, client, engine } = await waiting(t)
  const path = await client.download(engine)
  assert.equal(await client.download(engine), path)
  assert.equal(web.requests.length, 1)
  writeFileSync(path, BYTES.subarray(1))
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
  assert.equal(web.requests.length, 2)
})

test('what is left beyond the length, or wrong, is fetched anew', async (t) => {
  const { client, dir, engine } = await waiting(t)
  leave(dir, engine, Buffer.concat([BYTES, Buffer.alloc(10)]))
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
  await client.keepOnly([])
  leave(dir, engine, Buffer.alloc(1000, 1))
  await assert.rejects(client.download(engine), (error) => code(error) === 'RELEASE_HASH')
  assert.equal(existsSync(join(dir, 'store', engine.sha256)), false)
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
})

/** Lies about a range, each of which real servers or caches were seen to tell. */
const LIES: Readonly<Record<string, (response: ServerResponse, file: Buffer) => void>> = {
  'a whole file with 200': (response, file) => response.writeHead(200).end(file),
  'another range than was asked for': (response, file) =>
    response
      .writeHead(206, { 'content-range': `bytes 5-${file.length - 1}/${file.length}` })
      .end(file.subarray(5)),
  'a range without saying which': (response, file) =>
    response.writeHead(206).end(file.subarray(120_000)),
  'a range that is no range': (response, file) =>
    response.writeHead(206, { 'content-range': 'pages 1-2/3' }).end(file),
  '416 for a range that is there': (response) => response.writeHead(416).end(),
}

for (const [lie, tell] of Object.entries(LIES)) {
  test(`a server that answers ${lie} is survived`, async (t) => {
    const { web, client, dir, engine } = await waiting(t)
    leave(dir, engine, BYTES.subarray(0, 120_000))
    web.answer = (request, response, file) => {
      if (!isRelease(request.url) || !request.headers.range) return false
      tell(response, file!)
      return true
    }
    assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
  })
}

test('the right range with wrong bytes is refused, and the next try is right', async (t) => {
  const { web, client, dir, engine } = await waiting(t)
  leave(dir, engine, BYTES.subarray(0, 120_000))
  web.answer = (request, response, file) => {
    if (!isRelease(request.url) || !request.headers.range) return false
    const range = `bytes 120000-${file!.length - 1}/${file!.length}`
    response.writeHead(206, { 'content-range': range }).end(file!.subarray(0, -120_000))
    return true
  }
  await assert.rejects(client.download(engine), (error) => code(error) === 'RELEASE_HASH')
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
})

test('a connection that breaks again and again gets there all the same', async (t) => {
  const { web, client, engine } = await waiting(t)
  web.answer = (request, response, file) => {
    if (!isRelease(request.url)) return false
    const from = begin(request, response, file!)
    response.write(file!.subarray(from, from + 50_000), () =>
      setTimeout(() => response.destroy(), 5),
    )
    return true
  }
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
  assert.ok(web.requests.length >= 6, String(web.requests.length))
})

test('a copy that is cut off at its source is told so, what came is kept', async (t) => {
  const { web, client, dir, engine } = await waiting(t)
  web.answer = (request, response, file) => {
    if (!isRelease(request.url)) return false
    const from = Number(/\d+/.exec(request.headers.range ?? '0')![0])
    if (from > 0) response.writeHead(206, { 'content-range': `bytes ${from}-${from}/*` }).end()
    else response.writeHead(200).end(file!.subarray(0, 100_000))
    return true
  }
  await assert.rejects(client.download(engine), (error) => {
    assert.equal(code(error), 'RELEASE_SOURCE')
    assert.match((error as Error).message, /100000 of 300000 bytes/)
    return true
  })
  assert.equal(readFileSync(join(dir, 'partial', engine.sha256)).length, 100_000)
  web.answer = () => false
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
  assert.equal(web.requests.at(-1)!.range, 'bytes=100000-')
})

test('endless data for a release is left off at its length', async (t) => {
  const { web, client, dir, engine } = await waiting(t)
  web.answer = (request, response) => {
    if (!isRelease(request.url)) return false
    response.writeHead(200)
    const pump = () => {
      while (response.write(Buffer.alloc(65_536))) if (response.destroyed) return
      response.once('drain', pump)
    }
    pump()
    return true
  }
  await assert.rejects(client.download(engine), (error) => code(error) === 'RELEASE_TOO_LONG')
  assert.ok(readFileSync(join(dir, 'partial', engine.sha256)).length <= engine.length)
})

/** A vehicle that has its plan, and from then on little patience. */
async function impatient(t: TestContext) {
  const { desk, web, dir, engine } = await waiting(t)
  const limits = { stallMs: STALL_MS, minBytesPerStall: 1, maxBarrenTries: 2 }
  const { client } = makeVehicle(t, desk, { source: new HttpSource(web.url), dir, limits })
  return { web, client, engine }
}

test('what a process that stood still has not read yet is no stall of its server', async (t) => {
  const { web, client, engine } = await impatient(t)
  let stands = 0
  web.answer = (request) => {
    // Behind the question, in front of the answer.
    if (isRelease(request.url) && ++stands)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * STALL_MS)
    return false
  }
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
  assert.ok(stands > 0)
})

test('a server that stalls is given up, one that is slow is not', async (t) => {
  const { web, client, engine } = await impatient(t)
  web.answer = (request, response, file) => {
    if (!isRelease(request.url)) return false
    response.writeHead(200, { 'content-length': file!.length })
    return true
  }
  await assert.rejects(client.download(engine), (error) => code(error) === 'RELEASE_STALLED')
  // Slower in all than a stall may last, and never still.
  web.answer = (request, response, file) => {
    if (!isRelease(request.url)) return false
    let at = begin(request, response, file!)
    const timer = setInterval(() => {
      response.write(file!.subarray(at, at + 20_000))
      at += 20_000
      if (at < file!.length) return
      clearInterval(timer)
      response.end()
    }, STALL_MS / 10)
    return true
  }
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
})

test('a stop in the middle keeps what came', async (t) => {
  const { client, dir, engine } = await waiting(t)
  const stop = new AbortController()
  await assert.rejects(
    client.download(engine, stop.signal, ({ bytes }) => {
      if (bytes > 0) stop.abort()
    }),
    (error) => code(error) === 'RELEASE_STOPPED',
  )
  assert.ok(readFileSync(join(dir, 'partial', engine.sha256)).length > 0)
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
})

test('a disk that is nearly full: told so, kept, and taken up when there is room', async (t) => {
  let free = 150_000
  const disk: Disk = { ...realDisk, free: async () => free }
  const { client, dir, engine, web } = await waiting(t, { disk, limits: { reserveBytes: 50_000 } })
  await assert.rejects(client.download(engine), (error) => {
    assert.equal(code(error), 'RELEASE_DISK_FULL')
    assert.match((error as { hint: string }).hint, /Make room.*What runs goes on/)
    return true
  })
  const kept = readFileSync(join(dir, 'partial', engine.sha256)).length
  free = 10_000_000
  assert.deepEqual(readFileSync(await client.download(engine)), BYTES)
  if (kept > 0) assert.equal(web.requests.at(-1)!.range, `bytes=${kept}-`)
})

test('a server that answers with an error is not believed to have no such file', async (t) => {
  const { web, client, engine } = await waiting(t, { limits: { maxBarrenTries: 2 } })
  web.answer = (_request, response) => {
    response.writeHead(503).end('<html>')
    return true
  }
  await assert.rejects(client.download(engine), (error) => code(error) === 'RELEASE_SOURCE')
  await assert.rejects(client.refresh(), (error) => code(error) === 'RELEASE_SOURCE')
  assert.equal((await client.plan())!.releases.length, 1)
})

test('what nobody needs any more is removed', async (t) => {
  const { client, dir, engine } = await waiting(t)
  await client.download(engine)
  assert.equal(await client.keepOnly([engine.sha256]), 0)
  leave(dir, { ...engine, sha256: 'f'.repeat(64) }, Buffer.alloc(5))
  assert.equal(await client.keepOnly([]), BYTES.length + 5)
  assert.equal(await client.stored(engine.sha256), undefined)
})

test('a user in the URL is sent, and not shown', async (t) => {
  const desk = await makeDesk(t)
  const web = await new TestWeb(desk.folder).start(t)
  let authorization: string | undefined
  web.answer = (request) => {
    authorization = request.headers.authorization
    return false
  }
  const source = new HttpSource(web.url.replace('//', '//fleet:s3cr%40t@'))
  await makeVehicle(t, desk, { source }).client.refresh()
  assert.equal(authorization, `Basic ${Buffer.from('fleet:s3cr@t').toString('base64')}`)
  assert.doesNotMatch(source.name, /s3cr/)
})
