import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { randomOf } from '../../../models/training/random.ts'
import { createKafkaUplink } from '../../../sync/kafka/kafka-uplink.ts'
import { readAll } from './support.ts'

/** What is on the port instead of Kafka. An unhandled error anywhere fails the test by itself. */
const STRANGERS: Record<string, (socket: Socket) => void> = {
  'an HTTP server': (socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))
  },
  'one that speaks first': (socket) => void socket.write('220 mail.example.org ESMTP ready\r\n'),
  'one that closes at once': (socket) => void socket.end(),
  'one that resets': (socket) => void socket.resetAndDestroy(),
  'a black hole': () => {},
  'a negative size': (socket) => void socket.on('data', () => socket.write(Buffer.alloc(64, 0xff))),
  'sizes of zero': (socket) => void socket.on('data', () => socket.write(Buffer.alloc(64))),
  'a size of gigabytes': (socket) => {
    socket.on('data', () => socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3])))
  },
  'a frame that does not end': (socket) => {
    socket.on('data', () => socket.write(Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, 0, 0])))
  },
  'right frame, wrong correlation id': (socket) => {
    socket.on('data', () => socket.write(frame(Buffer.from([0x12, 0x34, 0x56, 0x78, 0, 0]))))
  },
}
for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  // The correlation id of the first request is 0: kafkajs looks into these.
  STRANGERS[`a right frame around rubbish ${seed}`] = (socket) => {
    const random = randomOf(seed)
    socket.on('data', () => {
      const length = Math.floor(random() * 200)
      const body = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
      // Every other one claims success, so that decoding goes on.
      if (seed % 2 && length > 1) body.fill(0, 0, 2)
      socket.write(frame(Buffer.concat([Buffer.alloc(4), body])))
    })
  }
}

function frame(body: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length)
  return Buffer.concat([size, body])
}

const LIMITS = {
  connectTimeoutMs: 200,
  requestTimeoutMs: 300,
  openTimeoutMs: 2_500,
  stallTimeoutMs: 2_000,
}

async function listen(t: TestContext, stranger: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    stranger(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { brokers: [`127.0.0.1:${(server.address() as AddressInfo).port}`], sockets }
}

/** All connections that are still open end by themselves soon after a client has closed. */
async function released(sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) {
    // A stranger that never reads would never see the end.
    socket.resume()
    // Not by `once` of node:events, which rejects where the client resets it: that is an end as well.
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  }
}

// Each waits for its own stranger most of the time.
describe('something else than Kafka on the port', { concurrency: 8 }, () => {
  for (const [what, stranger] of Object.entries(STRANGERS)) {
    test(`${what}: the uplink says that it is offline, and lets go`, async (t) => {
      const { brokers, sockets } = await listen(t, stranger)
      const uplink = createKafkaUplink({ brokers, ...LIMITS })
      await assert.rejects(
        uplink.open({ vehicle: 'truck', epoch: 'e' }),
        ({ code, hint, cause }: { code: string; hint: string; cause: unknown }) =>
          code === 'UPLINK_OFFLINE' &&
          hint.length > 0 &&
          (cause !== undefined || /no answer|check/i.test(hint)),
      )
      await uplink.close()
      await released(sockets)
    })
    test(`${what}: history fails, and lets go`, async (t) => {
      const { brokers, sockets } = await listen(t, stranger)
      await assert.rejects(readAll({ brokers, topic: 't', ...LIMITS }), { code: 'UPLINK_OFFLINE' })
      await released(sockets)
    })
  }

  test('nothing at all on the port', async (t) => {
    const { brokers } = await listen(t, () => {})
    const port = Number(brokers[0].split(':')[1])
    const uplink = createKafkaUplink({ brokers: [`127.0.0.1:${port === 1 ? 2 : 1}`], ...LIMITS })
    await assert.rejects(uplink.open({ vehicle: 'truck', epoch: 'e' }), { code: 'UPLINK_OFFLINE' })
    await uplink.close()
  })

  test('sending before opening, and closing twice, are no crash', async () => {
    const uplink = createKafkaUplink({ brokers: ['127.0.0.1:1'], ...LIMITS })
    await assert.rejects(uplink.send([]), { code: 'UPLINK_OFFLINE' })
    await uplink.close()
    await uplink.close()
  })

  test('a secret that is not there is named', async () => {
    const password = { env: 'MILEPOST_TEST_NO_SUCH_VARIABLE' }
    const sasl = { mechanism: 'plain', username: 'truck', password } as const
    const uplink = createKafkaUplink({ brokers: ['127.0.0.1:1'], sasl, ...LIMITS })
    await assert.rejects(uplink.open({ vehicle: 'truck', epoch: 'e' }), {
      code: 'UPLINK_DENIED',
      message: /MILEPOST_TEST_NO_SUCH_VARIABLE/,
    })
    await uplink.close()
  })
})
