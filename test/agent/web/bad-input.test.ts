import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { AgentStatus } from '../../../agent/status.ts'
import { LIMITS } from '../../../agent/web/limits.ts'
import { randomOf } from '../../../models/training/random.ts'
import { SEED, tries } from '../../support/fuzz.ts'
import { buildPage } from '../../support/page-build.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { until } from '../../support/until.ts'
import { broken, climbing } from './enemy.ts'
import { startWebAgent, type WebAgent } from './web-agent.ts'

const FUZZED = tries(600, 10_000)
const CLIMBED = tries(300, 20_000)
const MANY = tries(300, 3_000)
/** Requests on their way at a time: below what one caller may have open. */
const AT_ONCE = 20
/** A path is answered at once; a busy machine takes its time. */
const ANSWER_MS = 20_000
/** Who got no answer in this time was perhaps not understood to have ended. */
const QUIET_MS = 200

/** What the bus gave and lost until now. */
function bus(status: AgentStatus) {
  const [{ frames, dropped, gaps }] = status.sensors
  return { frames, gaps, lost: Object.values(dropped).reduce((a, b) => a + (b ?? 0), 0) }
}

/** The page still answers, and the bus was read all the while with nothing lost. */
async function unharmed({ agent, url }: WebAgent, before: ReturnType<typeof bus>): Promise<void> {
  await until('frames to go on', () => bus(agent.status()).frames > before.frames + 30)
  const now = bus(agent.status())
  assert.equal(now.lost, 0)
  assert.equal(now.gaps, before.gaps)
  assert.deepEqual(agent.status().faults, [])
  const answer = await until('the page to answer', () =>
    fetch(`${url}api/status`).then(
      (response) => response.status === 200 && response,
      () => undefined,
    ),
  )
  await answer.body?.cancel()
}

function socketTo(t: TestContext, url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  return socket
}

/**
 * Sends bytes, and waits for the other side to close or for what looks like a whole answer. Who is asked
 * for more first ends its own side: then nothing more can come, and the other side has the last word.
 */
function send(t: TestContext, url: string, bytes: Buffer, quietMs = QUIET_MS): Promise<string> {
  const socket = socketTo(t, url)
  return new Promise((resolve) => {
    let answer = ''
    const done = (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text
      if (answer.includes('\r\n\r\n')) done()
    })
    socket.on('close', done)
    socket.on('error', done)
    socket.setTimeout(quietMs, () => {
      socket.setTimeout(ANSWER_MS, done)
      socket.end()
    })
    socket.write(bytes)
  })
}

test(`${FUZZED} broken requests from seed ${SEED}: none gets a fault of ours as its answer`, async (t) => {
  const web = await startWebAgent(t, tempDir(t), {
    web: { listen: '127.0.0.1:0', maxRequestsPer10Sec: 100_000 },
  })
  const before = bus(web.agent.status())
  const chance = randomOf(SEED)
  const port = Number(new URL(web.url).port)
  const statuses: Record<string, number> = {}
  for (let done = 0; done < FUZZED; done += AT_ONCE) {
    const requests = Array.from({ length: AT_ONCE }, () => broken(chance, port))
    for (const [i, answer] of (
      await Promise.all(requests.map((r) => send(t, web.url, r)))
    ).entries()) {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'none'
      statuses[status] = (statuses[status] ?? 0) + 1
      assert.ok(
        !/^50[0124]/.test(status),
        `${status} for ${JSON.stringify(requests[i].toString('latin1'))}`,
      )
      assert.doesNotMatch(answer, /\bat .*\.ts:\d+/)
    }
  }
  t.diagnostic(JSON.stringify(statuses))
  assert.ok(statuses['400'] > 20 && statuses['200'] > 5, JSON.stringify(statuses))
  const refused = web.web().refused
  assert.ok((refused.malformed ?? 0) > 20, JSON.stringify(refused))
  await unharmed(web, before)
})

test(`${CLIMBED} climbing paths from seed ${SEED}: each is refused, and no file comes back`, async (t) => {
  await buildPage()
  const web = await startWebAgent(t, tempDir(t), {
    web: { listen: '127.0.0.1:0', maxRequestsPer10Sec: 100_000 },
  })
  const before = bus(web.agent.status())
  const chance = randomOf(SEED + 1)
  const port = Number(new URL(web.url).port)
  for (let done = 0; done < CLIMBED; done += AT_ONCE) {
    const paths = Array.from({ length: AT_ONCE }, () => climbing(chance))
    const answers = await Promise.all(
      paths.map((path) => {
        const text = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`
        return send(t, web.url, Buffer.from(text, 'latin1'), ANSWER_MS)
      }),
    )
    for (const [i, answer] of answers.entries()) {
      assert.match(answer, /^HTTP\/1\.1 4\d\d/, paths[i])
      assert.doesNotMatch(answer, /root:|"dependencies"|\[core\]|sensors:/, paths[i])
    }
  }
  assert.ok((web.web().refused.path ?? 0) > CLIMBED / 4, JSON.stringify(web.web().refused))
  await unharmed(web, before)
})

test('slow and endless clients are let go, and others are served meanwhile', async (t) => {
  const web = await startWebAgent(t, tempDir(t))
  const before = bus(web.agent.status())
  const port = Number(new URL(web.url).port)
  let closed = 0
  const slow = Array.from({ length: 40 }, (_, i) => {
    const socket = socketTo(t, web.url)
    socket.on('close', () => closed++)
    socket.resume()
    // Headers that never end, one byte at a time; or a body that never comes; or nothing at all.
    if (i % 4 === 0) return socket
    if (i % 4 === 1) {
      socket.write(
        `POST /api/status HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
      )
    } else socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Slow: `)
    return socket
  })
  const drip = setInterval(() => {
    for (const [i, socket] of slow.entries()) if (i % 4 > 1 && socket.writable) socket.write('z')
  }, 100)
  t.after(() => clearInterval(drip))
  // An endless body, as fast as it is taken.
  const endless = socketTo(t, web.url)
  let endlessClosed = false
  endless.on('close', () => {
    endlessClosed = true
  })
  endless.resume()
  endless.write(
    `POST /api/status HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  const pour = (): void => {
    while (endless.writable && endless.write(chunk)) {
      // Until the other side holds it back.
    }
  }
  endless.on('drain', pour)
  pour()
  const meanwhile = await fetch(`${web.url}api/status`)
  assert.equal(meanwhile.status, 200)
  await meanwhile.body?.cancel()
  await until('the endless body to be cut off', () => endlessClosed)
  await until('slow clients to be let go', () => closed === slow.length)
  const { slow: counted = 0, body = 0 } = web.web().refused
  assert.ok(counted >= 20, JSON.stringify(web.web().refused))
  assert.ok(body >= 1, JSON.stringify(web.web().refused))
  await unharmed(web, before)
})

test(`${MANY} connections and streams: as many as the bounds say, the others refused`, async (t) => {
  const web = await startWebAgent(t, tempDir(t), {
    web: { listen: '127.0.0.1:0', maxRequestsPer10Sec: 100_000 },
  })
  const before = bus(web.agent.status())
  const port = Number(new URL(web.url).port)
  let open = 0
  let streams = 0
  let most = 0
  const sockets = Array.from({ length: MANY }, () => {
    const socket = socketTo(t, web.url)
    let counted = false
    socket.on('connect', () => {
      open++
      socket.write(
        `GET /api/live/readings?match=*&hz=20 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
      )
    })
    socket.on('close', () => open--)
    socket.on('data', (chunk) => {
      if (!counted && chunk.includes('text/event-stream')) {
        counted = true
        streams++
      }
      most = Math.max(most, web.web().streams)
    })
    return socket
  })
  await until('the streams', () => streams >= 8)
  const refused = await until('the others to be refused', () => {
    const { connections = 0, streams: full = 0 } = web.web().refused
    return connections + full >= MANY - LIMITS.maxConnections && web.web().refused
  })
  t.diagnostic(`${streams} streams, refused ${JSON.stringify(refused)}`)
  assert.ok(most <= 8, `${most} streams of one caller`)
  assert.ok(open <= MANY)
  for (const socket of sockets) socket.destroy()
  await until('the streams to end with their readers', () => web.web().streams === 0)
  await unharmed(web, before)
})
