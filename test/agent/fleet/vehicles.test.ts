import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { generate } from 'mqtt-packet'
import { complaintOf } from '../../../agent/error.ts'
import { type FleetLoad, vehicleOf } from '../../../agent/fleet/load.ts'
import { Vehicles } from '../../../agent/fleet/vehicles.ts'
import { topicsOf } from '../../../sync/mqtt/wire.ts'
import { until } from '../../support/until.ts'

const V5 = { protocolVersion: 5 } as const
const RUN = 'r1'
const WELCOME = generate({ cmd: 'connack', reasonCode: 0, sessionPresent: false }, V5)
const SUBSCRIBED = generate({ cmd: 'suback', messageId: 1, granted: [0] }, V5)

/** One vehicle at a port that answers its packets with these, one after the other; and what it failed with. */
async function oneVehicle(t: TestContext, answers: Buffer[], then: (socket: Socket) => void) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', () => {
      const answer = answers.shift()
      if (answer) socket.write(answer)
      if (answers.length === 0) then(socket)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const load: FleetLoad = {
    ...{ port, run: RUN, confirmedBy: 'relay' },
    ...{ vehicles: 1, connections: 1, records: 1, recordsPerSec: 1 },
  }
  const failures: Error[] = []
  // A broker that refuses leaves the opening unanswered: the process of the vehicles ends at the failure.
  void new Vehicles(load, (error) => failures.push(error)).open(0, 1)
  return complaintOf(await until('a failure of the vehicles', () => failures[0]))
}

test('a broker that refuses a connection, or hangs up, ends the vehicles with what to look at', async (t) => {
  const refusal = generate({ cmd: 'connack', reasonCode: 0x97, sessionPresent: false }, V5)
  const refused = await oneVehicle(t, [refusal], () => {})
  assert.deepEqual([refused.code, refused.message], ['RUN_FAILED', 'The broker answers 0x97'])
  assert.match(refused.hint ?? '', /Mosquitto/)
  const hungUp = await oneVehicle(t, [WELCOME, SUBSCRIBED], (socket) => socket.end())
  assert.deepEqual([hungUp.code, hungUp.message], ['RUN_FAILED', 'The broker hung up'])
})

test('a record that the relay will never take ends the vehicles, and says which vehicle', async (t) => {
  const rejected = { run: 'fleet', reason: 'too large' }
  const payload = JSON.stringify({ epoch: RUN, positions: {}, rejected, maxRecordBytes: 1 })
  const topic = topicsOf('milepost', vehicleOf(RUN, 0)).position
  const told = generate({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false }, V5)
  const { code, message, hint } = await oneVehicle(
    t,
    [WELCOME, Buffer.concat([SUBSCRIBED, told])],
    () => {},
  )
  assert.equal(code, 'RUN_FAILED')
  assert.match(message, /^Vehicle 0 is told .*too large/)
  assert.match(hint ?? '', /relay/)
})
