import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SensorError } from '../../../sensors/errors.ts'
import { FRAME_ERR, FRAME_FD } from '../../../sensors/frame.ts'
import { cansend, eventually, ip, openCan } from '../guest.ts'
import { sendFrames } from '../sender.ts'

test('error frames become counters and a state', async (t) => {
  const { recorder, until } = await openCan(t)
  cansend('20000002#0900000000000000') // lost arbitration
  cansend('20000204#0008000000006005') // warning, with counters
  cansend('20000004#0020000000000000') // passive
  cansend('20000020#0000000000000000') // nobody acknowledged
  await until(() => recorder.seen.length === 4)
  assert.ok(recorder.seen.every((frame) => frame.flags === FRAME_ERR))
  await until(() => recorder.facts.errorFrames === 4)
  const { busState, lostArbitrations, missingAcks, errorPassives, busOffs } = recorder.facts
  assert.deepEqual(
    { busState, lostArbitrations, missingAcks, errorPassives, busOffs },
    { busState: 'error-passive', lostArbitrations: 1, missingAcks: 1, errorPassives: 1, busOffs: 0 },
  )
  assert.equal(recorder.facts.txErrorCount, 0x60)
  assert.equal(recorder.facts.rxErrorCount, 5)
})

test('bus-off and restarted goes on; bus-off for good is an error with the way out', async (t) => {
  const { recorder, ended, until } = await openCan(t)
  cansend('20000040#0000000000000000')
  cansend('20000100#0000000000000000')
  await until(() => recorder.facts.restarts === 1)
  assert.equal(recorder.facts.busState, 'error-active')
  cansend('20000040#0000000000000000')
  const error = await ended
  assert.ok(error instanceof SensorError)
  assert.equal(error.code, 'DEVICE_LOST')
  assert.match(error.message, /vcan0 is bus-off/)
  assert.match(error.hint!, /ip link set vcan0 up type can bitrate 500000 restart-ms/)
  assert.equal(recorder.facts.busOffs, 2)
})

test('errorFrames: false does not ask for them', async (t) => {
  const { recorder, until } = await openCan(t, { errorFrames: false })
  cansend('20000040#0000000000000000')
  cansend('123#')
  await until(() => recorder.seen.length > 0)
  assert.deepEqual(
    recorder.seen.map((frame) => frame.id),
    [0x123],
  )
})

test('an interface that goes down is told of, with the command that mends it', async (t) => {
  t.after(() => ip('link set vcan0 up'))
  const { recorder, ended } = await openCan(t)
  ip('link set vcan0 down')
  const error = await ended
  assert.ok(error instanceof SensorError)
  assert.equal(error.code, 'DEVICE_LOST')
  assert.match(error.hint!, /ip link set vcan0 up type can bitrate 500000/)
  assert.equal(recorder.drops.interface_down, 1)
  assert.equal(recorder.sender, undefined)
  // Opening it while it is down says the same.
  await assert.rejects(openCan(t), { code: 'DEVICE_LOST', message: /vcan0 is down/ })
})

test('missing, gone, of another kind, or without FD: each has its name and a hint', async (t) => {
  await assert.rejects(openCan(t, { interface: 'can7' }), {
    code: 'DEVICE_MISSING',
    message: /can7/,
    hint: /ip -brief link/,
  })
  await assert.rejects(openCan(t, { interface: 'lo' }), { code: 'DEVICE_MISSING', message: /lo/ })
  ip('link add dev vcan1 type vcan')
  ip('link set vcan1 mtu 16 up')
  await assert.rejects(openCan(t, { interface: 'vcan1', fd: true }), {
    code: 'DEVICE_PROTOCOL',
    hint: /vcan1 up type can bitrate 500000 dbitrate 2000000 fd on/,
  })
  const classic = await openCan(t, { interface: 'vcan1' })
  assert.equal(classic.recorder.facts.canFd, 'off')
  assert.throws(() => classic.recorder.sender!(1, false, new Uint8Array(12), FRAME_FD), {
    code: 'DEVICE_PROTOCOL',
  })
  cansend('123#01', 'vcan1')
  await classic.until(() => classic.recorder.seen.length === 1)
  ip('link del vcan1')
  const error = await classic.ended
  assert.equal((error as SensorError).code, 'DEVICE_LOST')
})

test('a reading thread that is late: counted to the frame, as the kernel has it', async (t) => {
  const { recorder, stop, until } = await openCan(t, {
    receiveBufferBytes: 4096,
    queueFrames: 65_536,
    filters: [0x555, 0x556],
  })
  const frames = 5000
  // As fast as they go, into a buffer for a few: there is room in the queue, but nobody fetches in time.
  await sendFrames('vcan0', frames, 0x555)
  const got = (): number => recorder.seen.filter((frame) => frame.id === 0x555).length
  await settled(() => recorder.seen.length)
  cansend('556#')
  await until(() => recorder.seen.some((frame) => frame.id === 0x556))
  await stop()
  const { kernel_overflow: lost = 0 } = recorder.drops
  t.diagnostic(`${frames} sent: ${got()} delivered, ${JSON.stringify(recorder.drops)}`)
  assert.equal(got() + lost, frames)
  assert.ok(lost > 0)
  assert.equal(recorder.drops.queue_full, undefined)
})

test('what the kernel has no room for is counted to the frame', async (t) => {
  const { recorder, stop, until } = await openCan(t, {
    receiveBufferBytes: 65_536,
    queueFrames: 64,
    filters: [0x555, 0x556],
  })
  const frames = 5000
  // This thread stands still while they come: ring and kernel buffer run over.
  await sendFrames('vcan0', frames, 0x555, { blocking: true })
  // The next frame that gets through carries the kernel's count of those that did not.
  const lost = (): number => (recorder.drops.kernel_overflow ?? 0) + (recorder.drops.queue_full ?? 0)
  const got = (): number => recorder.seen.filter((frame) => frame.id === 0x555).length
  await settled(() => recorder.seen.length)
  cansend('556#')
  await until(() => recorder.seen.some((frame) => frame.id === 0x556))
  await until(() => lost() + got() >= frames)
  await stop()
  t.diagnostic(`${frames} sent: ${got()} delivered, ${JSON.stringify(recorder.drops)}`)
  assert.equal(got() + lost(), frames)
  assert.ok(lost() > 0)
  assert.ok((recorder.drops.queue_full ?? 0) > 0)
})

/** Waits until some have come, and no more come. */
async function settled(count: () => number): Promise<void> {
  let last = 0
  await eventually(() => {
    const before = last
    last = count()
    return last > 0 && last === before
  })
}
