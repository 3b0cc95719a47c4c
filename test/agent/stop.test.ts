import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Milepost, writeConfig } from '../support/cli.ts'
import { tempDir } from '../support/temp-dir.ts'

/** A config whose only sensor dials a broker that takes connections and never says a word. */
async function unanswered(t: TestContext): Promise<{ config: string; dialled: Promise<unknown> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const dialled = once(server, 'connection')
  const url = `mqtt://127.0.0.1:${port}`
  const sensors = [{ id: 'm', kind: 'mqtt', url, topics: [{ topic: 'a/+' }] }]
  return { config: writeConfig(tempDir(t), { sensors }), dialled }
}

for (const args of [['run'], ['record', '--out', 'OUT']]) {
  test(`SIGTERM while a sensor is being opened ends "milepost ${args[0]}" cleanly`, async (t) => {
    const { config, dialled } = await unanswered(t)
    const out = join(tempDir(t), 'logs')
    const given = args.map((arg) => (arg === 'OUT' ? out : arg))
    const command = new Milepost([...given, '-c', config])
    t.after(() => command.child.kill('SIGKILL'))
    await dialled
    command.child.kill('SIGTERM')
    const { code, signal, stderr } = await command.finished
    assert.deepEqual([code, signal], [0, null], stderr)
  })
}
